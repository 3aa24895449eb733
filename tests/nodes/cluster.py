"""Several nodes on one PostgreSQL, producers that report to all of them, and a wire that can be cut."""

from __future__ import annotations

import itertools
import selectors
import signal
import socket
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from harness import Served, until
from postgres import ROOT_KEY


class Cluster:
    """Nodes started on demand, each with a folder of its own; all of them stopped by `close`."""

    def __init__(self, folder: Path, url: str, ca: Path) -> None:
        self._folder = folder
        self.url = url
        self._ca = ca
        self.nodes: list[Served] = []

    def start(self, store: str | None = None, **settings: str) -> Served:
        folder = self._folder / f"node-{len(self.nodes)}"
        folder.mkdir()
        settings = {
            "OUTRIDER_STORE": store or self.url,
            "OUTRIDER_ROOT_KEY": ROOT_KEY,
            "OUTRIDER_EGRESS_CA_FILE": str(self._ca),
        } | settings
        self.nodes.append(Served(folder, **settings).start())
        return self.nodes[-1]

    def close(self) -> None:
        for node in self.nodes:
            node.process.send_signal(signal.SIGCONT)  # where it was stopped
            node.stop()


class Producers:
    """Threads that report events to nodes in turn until `stop`; `accepted` are ids with a 202, `refused` other
    answers by status, with the instant of each."""

    def __init__(self, nodes: list[Served], count: int = 4, batch: int = 10, pause_s: float = 0.02) -> None:
        self.accepted: list[tuple[str, float]] = []
        self.refused: list[tuple[int, float, dict[str, str]]] = []
        self._turn = itertools.cycle(nodes)
        self._batch = batch
        self._pause_s = pause_s
        self._over = threading.Event()
        self._number = itertools.count()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._pause_s):
            events = [
                {"Event": "Login", "Data": {"Uid": f"u{next(self._number) % 50}"}} for _ in range(self._batch)
            ]
            try:
                status, answer = next(self._turn).call("POST", "/v2/events", events)
            except (OSError, HTTPException, ValueError):
                continue  # that node is dead or stopped
            at = time.monotonic()
            if status == 202:
                self.accepted += [(one["Id"], at) for one in answer["Data"]]
            else:
                self.refused.append((status, at, answer))

    def stop(self) -> set[str]:
        self._over.set()
        for thread in self._threads:
            thread.join()
        return {identity for identity, _ in self.accepted}


class Wire:
    """A loopback proxy before a database. While `is_cut` it lets nothing through either way and says so to nobody.
    The first connection that sends `break_at` is broken once the database has answered: nobody hears the answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
        self.is_cut = False
        self.break_at: bytes | None = None
        self._doomed: set[socket.socket] = set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                self._pairs.append((near, near))  # the handshake is the system's; nobody answers after it
                continue
            far = socket.create_connection(self._target)
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                thread = threading.Thread(target=self._pump, args=(source, sink), daemon=True)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            try:
                ready.register(source, selectors.EVENT_READ)
            except ValueError:
                return  # the other way has ended already, and closed both
            while True:
                if not ready.select(0.05) or self.is_cut:
                    if source.fileno() < 0:
                        return
                    continue
                try:
                    data = source.recv(65536)
                    if not data or source in self._doomed:
                        break
                    if self.break_at is not None and self.break_at in data:
                        self.break_at = None
                        self._doomed.add(sink)
                    sink.sendall(data)
                except OSError:
                    break
        for end in (source, sink):
            end.close()

    def close(self) -> None:
        self._listener.close()
        for near, far in self._pairs:
            near.close()
            far.close()


def waiting(node: Served) -> int:
    return node.ok("GET", "/v2/manage/system")["Owed"]


def drained(node: Served, seconds: float = 60) -> None:
    until(lambda: waiting(node) == 0, seconds)


def repeats(requests: list[Any]) -> int:
    return sum(count - 1 for count in Counter(request.id for request in requests).values())
