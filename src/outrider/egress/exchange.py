"""One TLS connection that carries one exchange at a time, every byte of the answer bounded."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
import time
from typing import Any, cast

import httptools

HEADER_BYTES = 32 * 1024
HEADERS = 128
FRAMING = 8  # bytes of an answer's body as it comes, for each that is kept: chunks may hold a byte each
SLICE = 4096  # what the parser gets at once: it is looked at only in between
LARGE = 64 * 1024  # a request beyond that may lie unread when the answer is here
INTERIM_ANSWERS = 16
EARLY_S = 0.001  # the grain of the loop's timers
_FRAMING = ("content-length", "transfer-encoding")
_NO_BODY = (204, 304)


class Broken(Exception):
    """The connection ended before a whole answer; `clean` when not one byte of it had come."""


class Malformed(Exception):
    """What came is not an acceptable HTTP/1.1 answer. `args[0]` says why, without bytes of it."""


class Answer:
    """An answer as it comes in. Times are `time.perf_counter()` seconds."""

    __slots__ = ("body", "cut", "done_at", "first_at", "framed", "headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.framed = False  # says where its body ends
        self.body = b""
        self.cut = False
        self.first_at = 0.0
        self.done_at = 0.0


class Connection(asyncio.Protocol):
    """httptools calls the `on_…` methods. After an exchange, `reusable` says if another may follow.

    Every byte counts: until the headers are complete HEADER_BYTES of them, interim answers included, and as many
    more, with FRAMING times the body that is kept, until the answer's end. Beyond, the answer is malformed, or cut
    when its status is known.
    """

    def __init__(self, body_cap: int, loop: asyncio.AbstractEventLoop) -> None:
        self._cap = body_cap
        self._answer_bytes = 2 * HEADER_BYTES + FRAMING * body_cap
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._future: asyncio.Future[Answer] | None = None  # set while an answer is awaited
        self._bytes = 0
        self._headers = 0
        self._interim = 0
        self._large = False
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self.reusable = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def exchange(self, content: bytes, deadline: float) -> asyncio.Future[Answer]:
        """Write the request; the answer, awaited until `deadline` of the loop's clock.

        The future raises Broken, Malformed or TimeoutError. Whoever gives up on it has to close the connection.
        """
        assert self._transport is not None  # noqa: S101 - create_connection returned, so it is made
        self._answer = Answer()
        self._bytes = self._headers = self._interim = 0
        self._large = len(content) > LARGE
        self.reusable = False
        self._deadline = deadline
        if self._alarm is None or self._alarm_at > deadline:
            self._set_alarm(deadline)
        self._future = future = self._loop.create_future()
        self._transport.write(content)
        return future

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        """One alarm outlasts many exchanges: when it rings, the deadline has usually moved on."""
        self._alarm = None
        if self._over:
            return
        if self._loop.time() < self._deadline - EARLY_S:
            self._set_alarm(self._deadline)
        else:
            self._fail(TimeoutError())

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """At once: no lingering TLS goodbye from a receiver that does not answer."""
        self.reusable = False
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._over:
            self.close()  # bytes nobody asked for: this connection is out of step
            return
        if not self._answer.first_at:
            self._answer.first_at = time.perf_counter()
        try:
            self._feed(data)
        except httptools.HttpParserUpgrade:
            self._fail(Malformed("an upgrade nobody asked for"))
        except httptools.HttpParserError:
            self._fail(Malformed("not a valid HTTP/1.1 answer"))

    def _feed(self, data: bytes) -> None:
        size = len(data)
        for fed in range(0, size, SLICE):
            piece = data if size <= SLICE else data[fed : fed + SLICE]
            self._parser.feed_data(piece)
            self._bytes += len(piece)
            if not self._answer.status:
                if self._bytes > HEADER_BYTES:
                    self._fail(Malformed(f"headers larger than {HEADER_BYTES} bytes"))
            elif self._bytes > self._answer_bytes:
                self._cut()
            if fed + SLICE < size and not self.alive:
                return

    def _cut(self) -> None:
        """The status is known, which is what counts; nothing more of the answer is taken."""
        if not self._over:
            self._answer.cut = True
            self._finish()
            self.close()

    def eof_received(self) -> bool:
        self.connection_lost(None)  # now, and not when our own goodbye is through
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if not self._over:
            if self._answer.status and error is None and not self._answer.framed:
                self._finish()  # an answer without length or chunks ends here (RFC 9112, section 6.3)
            else:
                self._fail(Broken())
        self.close()

    def on_message_begin(self) -> None:
        if self._over:
            self.close()  # a second answer to one request: this connection is out of step

    @property
    def _over(self) -> bool:
        return self._future is None or self._future.done()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._over or self._answer.status:
            return  # a trailer says nothing that is asked for, and must not pass for a header
        self._headers += 1
        if self._headers > HEADERS:
            self._fail(Malformed(f"more than {HEADERS} headers"))
            return
        field = name.decode("latin-1").lower()
        if field in _FRAMING:
            self._answer.framed = True
        self._answer.headers.append((field, value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self._over:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            self._answer.headers.clear()
            self._answer.framed = False
            if status == 101:
                self._fail(Malformed("an upgrade nobody asked for"))
            elif self._interim > INTERIM_ANSWERS:
                self._fail(Malformed("too many interim answers"))
            return
        self._answer.status = status

    def on_body(self, body: bytes) -> None:
        if self._over:
            return
        room = self._cap - len(self._answer.body)
        self._answer.body += body[:room]
        if len(body) > room:
            self._cut()

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer.status and not self._over:
            ends = answer.framed or answer.status in _NO_BODY
            self.reusable = ends and bool(self._parser.should_keep_alive()) and not (self._large and self._unread())
            self._finish()

    def _unread(self) -> bool:
        """Whether bytes of the request are still to be sent: an idle connection would keep them in memory."""
        assert self._transport is not None  # noqa: S101 - as in `exchange`
        sock = self._transport.get_extra_info("socket")
        try:
            return bool(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
        except OSError:
            return True

    def _finish(self) -> None:
        if self._future is not None and not self._future.done():
            self._answer.done_at = time.perf_counter()
            self._future.set_result(self._answer)

    def _fail(self, error: Exception) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)
        self.close()
