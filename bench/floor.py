"""The floor: a pipeline of Outrider's shape without a feature, to know what the shape alone costs.

POST (one event or an array) → one transaction for everybody who waits → 202 → at most 512 deliveries under way
over 64 kept-open TLS connections, signed with HMAC-SHA256 → one transaction for all outcomes there are. Bodies go
out as they came. No retries, no checks, no options: an event not answered 2xx is written down as failed.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import queue
import ssl
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

import apsw
import msgspec
import uvicorn
import uvloop

from bench.common import announce, listen, pin

SECRET = b"a-secret-of-nobody"
CONNECTIONS = 64  # what Outrider gives one webhook
UNDER_WAY = 512
TABLES = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE event (place INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE queue (place INTEGER PRIMARY KEY) STRICT;
CREATE TABLE ledger (place INTEGER PRIMARY KEY, event INTEGER NOT NULL, status INTEGER NOT NULL) STRICT;
"""
Job = tuple[str, list[tuple[Any, ...]]]  # a statement and its rows
INSERT_EVENT = "INSERT INTO event (place, body) VALUES (?, ?)"
INSERT_QUEUE = "INSERT INTO queue (place) VALUES (?)"
DELETE_QUEUE = "DELETE FROM queue WHERE place = ?"
INSERT_LEDGER = "INSERT INTO ledger (event, status) VALUES (?, ?)"
split = msgspec.json.Decoder(list[msgspec.Raw]).decode
App = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class Store:
    """One writer thread; whoever waits while it commits shares the next transaction."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path)
        self._connection.execute(TABLES).fetchall()
        self._tasks: queue.SimpleQueue[tuple[tuple[Job, ...], asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, daemon=True).start()

    def write(self, *jobs: Job) -> asyncio.Future[None]:
        """Done when durable."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._tasks.put((jobs, done))
        return done

    def _work(self) -> None:
        while True:
            group = [self._tasks.get()]
            while not self._tasks.empty():
                group.append(self._tasks.get())
            self._connection.execute("BEGIN IMMEDIATE")
            for jobs, _ in group:
                for statement, rows in jobs:
                    self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_resolve, [done for _, done in group])


def _resolve(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(None)


class Connection(asyncio.Protocol):
    """One kept-open connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: Any = None
        self._answer: asyncio.Future[int] | None = None
        self.alive = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        self.alive = False
        self._resolve(0)

    def post(self, content: bytes) -> asyncio.Future[int]:
        """The answer's status; 0 when the connection breaks."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = data[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        if len(data) >= end + 4 + int(head[at + 17 :].split(b"\r", 1)[0]):
            self._buffer = b""
            self._resolve(int(data[9:12]))

    def _resolve(self, status: int) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(status)


class Target:
    """Where everything goes: dialling, and the bytes of a signed request."""

    def __init__(self, url: str, ca: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port or 443
        self._tls = ssl.create_default_context(cafile=ca)
        self._opening = (
            f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\nsignature: "
        ).encode()

    async def dial(self) -> Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, self._host, self._port, ssl=self._tls))[1]

    def request(self, body: bytes) -> bytes:
        signature = hmac.digest(SECRET, body, "sha256").hex().encode()
        return b"%s%s\r\ncontent-length: %d\r\n\r\n%s" % (self._opening, signature, len(body), body)


class Floor:
    def __init__(self, store: Store, target: Target) -> None:
        self._store = store
        self._target = target
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._some = asyncio.Semaphore(0)
        self._under_way = asyncio.Semaphore(UNDER_WAY)
        self._outcomes: list[tuple[int, int]] = []
        self._settle = asyncio.Event()
        self._last = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        connections = await asyncio.gather(*(self._target.dial() for _ in range(CONNECTIONS)))
        start = asyncio.get_running_loop().create_task
        self._tasks = [start(self._deliver(connection)) for connection in connections]
        self._tasks.append(start(self._settler()))

    async def accept(self, bodies: list[bytes]) -> None:
        first = self._last + 1
        self._last += len(bodies)
        rows = list(enumerate(bodies, first))
        await self._store.write((INSERT_EVENT, rows), (INSERT_QUEUE, [(place,) for place, _ in rows]))
        self._waiting.extend(rows)
        for _ in rows:
            self._some.release()

    async def _deliver(self, connection: Connection) -> None:
        while True:
            await self._some.acquire()
            await self._under_way.acquire()
            place, body = self._waiting.popleft()
            if not connection.alive:
                connection = await self._target.dial()
            status = await connection.post(self._target.request(body))
            self._outcomes.append((place, status))
            self._settle.set()

    async def _settler(self) -> None:
        while True:
            await self._settle.wait()
            self._settle.clear()
            outcomes, self._outcomes = self._outcomes, []
            places = [(place,) for place, _ in outcomes]
            await self._store.write((DELETE_QUEUE, places), (INSERT_LEDGER, outcomes))
            for _ in outcomes:
                self._under_way.release()


def door(accept: Callable[[list[bytes]], Coroutine[Any, Any, None]]) -> App:
    """The ASGI app: any POST is one event or an array of them; 202 once `accept` is through."""

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI gives it
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        await accept([bytes(raw) for raw in split(body)] if body[:1] == b"[" else [body])
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


async def serve(app: App, port: int) -> None:
    listener = listen(port)
    config = uvicorn.Config(app, http="httptools", lifespan="off", access_log=False, log_config=None, backlog=2048)
    announce(listener)
    await uvicorn.Server(config).serve(sockets=[listener])


def options(program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--core", type=int)
    for name in ("--target", "--ca", "--store"):
        parser.add_argument(name, required=True)
    return parser.parse_args()


async def _main(given: argparse.Namespace) -> None:
    floor = Floor(Store(given.store), Target(given.target, given.ca))
    await floor.start()
    await serve(door(floor.accept), given.port)


if __name__ == "__main__":
    arguments = options("bench.floor")
    pin(arguments.core)
    uvloop.run(_main(arguments))
