"""Hostile receivers end to end: every attempt ends in time, recorded with its reason, and nobody else waits."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness import Receiver, Served, until

pytestmark = pytest.mark.slow
TIMEOUT_MS = 1_000
SLACK_MS = 250
HEAD = b"HTTP/1.1 200 OK\r\n"
Behave = Callable[[socket.socket], None]


def hangs(peer: socket.socket) -> None:
    peer.settimeout(10)
    peer.recv(1)  # nothing more comes; this ends when the sender hangs up


def drips(peer: socket.socket) -> None:
    peer.sendall(HEAD)
    while True:
        peer.sendall(b"a")
        time.sleep(0.05)


def never_ends(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"content-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        peer.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


def resets(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"content-length: 100\r\n\r\nabc")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def storms(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def babbles(peer: socket.socket) -> None:
    peer.sendall(b"\x00\xff no HTTP\r\n\r\n")


KINDS: dict[str, tuple[Behave, str]] = {
    "hang": (hangs, "timeout"),
    "drip": (drips, "timeout"),
    "endless": (never_ends, "status 200"),  # the answer is known; its body is cut
    "reset": (resets, "reset"),
    "storm": (storms, "protocol"),
    "babble": (babbles, "protocol"),
}


class Hostile:
    """A TLS receiver on loopback; the path of a request says how it behaves."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, kind: str) -> str:
        return f"https://localhost:{self._listener.getsockname()[1]}/{kind}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as peer:
                self._peers.append(peer)
                read = b""
                while b"\r\n\r\n" not in read:
                    read += peer.recv(65536)
                KINDS[read.split(b" ")[1].decode().strip("/")][0](peer)
        except OSError:
            pass  # the sender hung up, as hostile peers deserve

    def close(self) -> None:
        self._listener.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture
def hostile(authority: tuple[Path, Path]) -> Iterator[Hostile]:
    made = Hostile(authority[1])
    yield made
    made.close()


def test_every_attempt_ends_in_time_with_its_reason(
    serve: Callable[..., Served], receive: Callable[..., Receiver], hostile: Hostile
) -> None:
    served, good = serve(OUTRIDER_RETRY_SCHEDULE_MS="100"), receive()
    hooks = {
        kind: served.ok("POST", "/v2/manage/webhooks", {
            "Event": "Login", "TargetUrl": hostile.url(kind), "Timeout": TIMEOUT_MS // 1000, "MaxConcurrency": 8,
        })["Id"]
        for kind in KINDS
    }  # fmt: skip
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": good.url()})
    events = [{"Event": "Login", "Data": {"Uid": f"u{n}"}} for n in range(4)]  # too few failures to open a circuit
    sent = {one["Id"] for one in served.ok("POST", "/v2/events", events)["Data"]}
    until(lambda: {request.id for request in good.requests} == sent, 5)
    for kind, (_, reason) in KINDS.items():
        delivered = reason.startswith("status 2")
        rows = until(lambda kind=kind: _ended(served, hooks[kind], len(sent)), 40)
        assert {row["State"] for row in rows} == {"delivered" if delivered else "exhausted"}
        for row in rows:
            lines = served.ok("GET", f"/v2/manage/deliveries/{row['Id']}")["Lines"]
            assert [line["Reason"] for line in lines] == [reason] * (1 if delivered else 2), (kind, lines)
            for line in lines:
                attempt = line["Attempt"]
                took = (instant(line["Date"]) - instant(attempt["Date"])) * 1000
                assert took <= TIMEOUT_MS + SLACK_MS, (kind, took, attempt)
                assert attempt["Duration"]["Total"] <= TIMEOUT_MS + SLACK_MS
                if reason == "timeout":
                    assert attempt["Duration"]["Total"] >= TIMEOUT_MS - 1


def _ended(served: Served, webhook: str, count: int) -> list[Any] | None:
    rows: list[Any] = served.ok("GET", f"/v2/manage/deliveries?webhook={webhook}")["Data"]
    return rows if len(rows) == count and all(row["State"] != "waiting" for row in rows) else None


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
