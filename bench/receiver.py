"""The receiver: TLS, HTTP/1.1, keep-alive, and as little else as possible.

The path decides the answer: `/ok/<name>` 200 at once, `/fail/<name>` 500, `/slow/<ms>/<name>` 200 after a while,
`/hang/<name>` nothing. Anything else is 404 and not counted.

Prints `port <n>`, then answers each line on stdin with one line on stdout; the end of stdin is `quit`:

    count           {"arrived": {"/ok": n}, "distinct": n, "last_ns": n}
    paths           {"/ok/<name>": n}
    record on|off   from now on, measure latencies or do not (off at the start)
    latencies       [p50, p99, max, n] of /ok since the last reset, in ms: now - SentNs of the body
    reset           forget all of the above but `record`
    quit

`distinct` counts events on /ok and /slow by their webhook-id header, else the body's HookId, else its Uid.
`last_ns` is when the last event not seen before arrived (time.time_ns).
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable
from typing import cast

import msgspec
import uvloop

from bench.common import announce, listen, percentiles, pin

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
FAIL = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
UNKNOWN = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
LENGTH = b"\r\ncontent-length:"
ID = b"\r\nwebhook-id:"


class Board:
    """What has arrived."""

    def __init__(self) -> None:
        self.recording = False
        self.reset()

    def reset(self) -> None:
        self.paths: Counter[bytes] = Counter()
        self.seen: set[bytes] = set()
        self.last_ns = 0
        self.latencies = array("d")

    def arrived(self, path: bytes, identity: bytes, body: bytes) -> None:
        self.paths[path] += 1
        if not path.startswith((b"/ok/", b"/slow/")):
            return
        now = time.time_ns()
        if identity not in self.seen:
            self.seen.add(identity)
            self.last_ns = now
        if self.recording and path.startswith(b"/ok/"):
            sent = field(body, b'"SentNs":', b",")
            if sent.isdigit():
                self.latencies.append((now - int(sent)) / 1e6)

    def count(self) -> object:
        prefixes: Counter[str] = Counter()
        for path, times in self.paths.items():
            prefixes["/" + path.split(b"/", 2)[1].decode()] += times
        return {"arrived": dict(prefixes), "distinct": len(self.seen), "last_ns": self.last_ns}

    def answer(self, line: str) -> object:
        match line.split():
            case ["count"]:
                return self.count()
            case ["paths"]:
                return {path.decode(): times for path, times in self.paths.items()}
            case ["record", "on" | "off" as state]:
                self.recording = state == "on"
            case ["latencies"]:
                return [*percentiles(self.latencies, (0.5, 0.99, 1.0)), len(self.latencies)]
            case ["reset"]:
                self.reset()
            case _:
                return {"error": f"unknown command {line!r}"}
        return {}


def field(text: bytes, name: bytes, end: bytes) -> bytes:
    """What stands between `name` and the next `end`; b"" when either is missing."""
    at = text.find(name)
    if at < 0:
        return b""
    at += len(name)
    stop = text.find(end, at)
    return text[at:stop] if stop >= 0 else b""


class Peer(asyncio.Protocol):
    """One connection. While an answer is held back, later requests wait in the buffer."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._buffer = b""
        self._held = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        self._consume()

    def _consume(self) -> None:
        data, start, answers = self._buffer, 0, b""
        while not self._held:
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                break
            head = data[start:end]
            lowered = head.lower()
            at = lowered.find(LENGTH)
            length = 0 if at < 0 else int(lowered[at + len(LENGTH) :].split(b"\r", 1)[0])
            stop = end + 4 + length
            if len(data) < stop:
                break
            at = lowered.find(ID)
            identity = b"" if at < 0 else head[at + len(ID) :].split(b"\r", 1)[0]
            answers += self._request(head, identity, data[end + 4 : stop])
            start = stop
        self._buffer = data[start:]
        if answers and self._transport is not None:
            self._transport.write(answers)

    def _request(self, head: bytes, identity: bytes, body: bytes) -> bytes:
        """The answer to give now; b"" when it is held back."""
        path = head.split(b" ", 2)[1].split(b"?", 1)[0]
        kind = path.split(b"/", 2)[1]
        if kind not in (b"ok", b"fail", b"slow", b"hang"):
            return UNKNOWN
        if not identity:
            identity = field(body, b'"HookId":"', b'"') or field(body, b'"Uid":"', b'"')
        self._board.arrived(path, identity, body)
        if kind == b"ok":
            return OK
        if kind == b"fail":
            return FAIL
        self._held = True
        if kind == b"slow":
            asyncio.get_running_loop().call_later(int(path.split(b"/")[2]) / 1000, self._release)
        return b""

    def _release(self) -> None:
        self._held = False
        if self._transport is not None:
            self._transport.write(OK)
            self._consume()


def obey(board: Board, quit_: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
    """Read commands, in a thread because stdin may be anything; they run on the loop, between arrivals."""

    def run(line: str) -> None:
        sys.stdout.write(msgspec.json.encode(board.answer(line)).decode() + "\n")
        sys.stdout.flush()

    for line in sys.stdin:
        if line.strip() == "quit":
            break
        loop.call_soon_threadsafe(run, line)
    loop.call_soon_threadsafe(quit_)


async def serve(port: int, cert: str, key: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    loop = asyncio.get_running_loop()
    board, over, listener = Board(), asyncio.Event(), listen(port)
    server = await loop.create_server(lambda: Peer(board), sock=listener, ssl=tls, backlog=2048)
    announce(listener)
    threading.Thread(target=obey, args=(board, over.set, loop), daemon=True).start()
    await over.wait()
    server.close()


def main() -> None:
    options = argparse.ArgumentParser(prog="bench.receiver")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--cert", required=True)
    options.add_argument("--key", help="the certificate's file when absent")
    options.add_argument("--core", type=int)
    given = options.parse_args()
    pin(given.core)
    uvloop.run(serve(given.port, given.cert, given.key or given.cert))


if __name__ == "__main__":
    main()
