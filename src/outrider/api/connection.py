"""HTTP/1.1 connections: uvicorn's, of which every byte is bounded, and every state (`lifetime.py`).

One request at a time is parsed. What follows it waits unparsed until it is answered, and no more than one read of
it: so the end of a body that LoginRadius' Node SDK counted in characters gets no answer before the request that it
belongs to. Of whoever is refused nothing more is parsed.
"""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from outrider.api import errors, framing
from outrider.api.app import canonical_path
from outrider.api.errors import Problem
from outrider.api.intake import EVENTS, OPERATIONS
from outrider.api.lifetime import ANSWERING, BODY, CLOSING, HEAD, IDLE, Lifetime
from outrider.domain.errors import CallerError

STEPS = 128  # of parsing in one turn of the loop
_NOTED = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))
_CLOSE = (b"connection", b"close")


class Connection(Lifetime):
    """`body_bytes` is the largest body there is: of one that is answered before its end no more is read."""

    def __init__(self, *, body_bytes: int, **given: Any) -> None:
        super().__init__(**given)
        self._body_bytes = body_bytes
        self._blank = 0
        self._hosts = 0
        self._host: bytes | None = None  # the last acceptable one
        self.old = False  # HTTP/1.0
        self.length: int | None = None  # of the body that is still to come; None for chunks
        self.chunked = False
        self._around = 0  # bytes beside the content of chunks
        self._fault: CallerError | None = None  # of the head that is being parsed
        self._served = self.app
        self.app = self._announced
        self._kept = [(b"connection", b"keep-alive"), (b"keep-alive", b"timeout=%d" % self._waits.idle)]
        self.kept_lines = b"".join(b"%s: %s\r\n" % pair for pair in self._kept)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.app = self._served  # else the connection would refer to itself

    def data_received(self, data: bytes) -> None:
        if self._state == CLOSING:
            self._throw_away(len(data))
            return
        if self._rest:
            data, self._rest = self._rest + data, b""
        if self._state == ANSWERING or self.flow.write_paused:
            self._hold(data)
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Parse until a request is whole, or more has to come, or others shall have their turn."""
        at, size = 0, len(data)
        for _ in range(STEPS):
            before = at
            at = self._read_body(data, at) if self._state == BODY else self._read_head(data, at)
            waits = self._state >= ANSWERING or self.flow.write_paused or self.flow.holds
            if at in (before, size) or waits:
                break
        else:
            waits = True
            self.loop.call_soon(self._read_on)
        if self._state == CLOSING:
            return
        if waits and at < size:
            self._hold(data[at:])
        elif not waits:
            self._rest = data[at:]
        if IDLE < self._state < ANSWERING:
            self._await_rest()

    def _read_head(self, data: bytes, at: int) -> int:
        """Parse the head that begins at `at`. Where the body begins; `at` when the head is not there whole."""
        if data[at] in b"\r\n":
            begins = framing.blank_until(data, at)
            self._blank += begins - at
            if self._blank > framing.BLANK_BYTES:
                self._refuse(framing.not_http("It does not begin with a method in capitals."))
            return begins
        end = data.find(framing.END, at) + len(framing.END)
        if end < len(framing.END):
            self._state = HEAD
            if fault := framing.fault_of_beginning(data, at):
                self._refuse(fault)
            return at
        line_end = data.find(b"\r\n", at)
        self.old = data[line_end - 1 : line_end] == b"0"
        if fault := framing.fault_of_head(data, at, line_end, end):
            self._refuse(fault)
        else:
            self._feed(data[at:end])
        return end

    def _read_body(self, data: bytes, at: int) -> int:
        """Parse some of a body that goes on at `at`. Where more of it, or the next request, begins."""
        end = framing.part_to_feed(data, at) if self.chunked else min(len(data), at + (self.length or 0))
        size = end - at
        if self.cycle.response_complete:
            self._unread += size
            if self._unread > self._body_bytes:
                self._linger()
                return end
        if self.chunked:
            self._around += size
        elif self.length is not None:
            self.length -= size
        if size:
            self._feed(data if size == len(data) else data[at:end])
        if self._around > framing.AROUND_BYTES and self._state == BODY:
            self._refuse(framing.much_around_chunks())
        return end

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if self._state != CLOSING:
                self.cycle.keep_alive = False  # what follows is of a protocol that nobody speaks here
        except httptools.HttpParserCallbackError as error:
            self._failed(error.__context__)
        except httptools.HttpParserError as error:
            self._refuse(framing.not_http(f"{error}."))

    def _failed(self, error: BaseException | None) -> None:
        """A callback raised: of an absurd URL, or by a fault of ours."""
        if isinstance(error, httptools.HttpParserInvalidURLError | UnicodeError):
            self._refuse(framing.not_http("Its URL is not acceptable."))
        else:
            self._refuse(error if isinstance(error, Exception) else RuntimeError("a callback failed"))

    def _hold(self, data: bytes) -> None:
        """Keep what cannot be parsed now, and read no more before it is."""
        self._rest = data
        self.flow.holds = True
        self.flow.pause_reading()
        if self._state == ANSWERING and not framing.begins_request(data):
            self.cycle.keep_alive = False  # it is the end of a body: close rather than answer it

    def _read_on(self) -> None:
        if self._state >= ANSWERING or self.flow.write_paused:
            return
        data, self._rest = self._rest, b""
        self.flow.holds = False
        self.flow.resume_reading()
        if data:
            self._read(data)

    # The parser calls these

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._fault = None
        self.length = None
        self.chunked = False
        self._hosts = self._blank = self._around = self._unread = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state == BODY:
            return  # a trailer: nothing of a request may depend on it (RFC 9110, section 6.5.1)
        name = name.lower()
        if name in _NOTED:
            self._note(name, value)
        self.headers.append((name, value))

    def _note(self, name: bytes, value: bytes) -> None:
        fault = None
        match name:
            case b"host":
                self._hosts += 1
                if value != self._host:
                    fault = framing.fault_of_host(value)
                    self._host = value if fault is None else None
            case b"content-length":
                self.length = int(value)  # the parser lets digits pass only
            case b"transfer-encoding":
                self.chunked = True
                fault = framing.fault_of_coding(value)
            case _:
                self.expect_100_continue = value.lower() == b"100-continue"
        self._fault = self._fault or fault

    def on_headers_complete(self) -> None:
        if fault := self._fault or self._fault_of_headers():
            self._refuse(fault)
        elif self.crowded and self._is_intake():
            self._answer_last(errors.unavailable("all connections are taken; nothing was stored, send it again"))
        else:
            self._state = BODY
            self.begin()

    def _fault_of_headers(self) -> CallerError | None:
        if len(self.headers) > framing.FIELDS:
            return framing.many_fields()
        if self._hosts > 1 or (self._hosts == 0 and not self.old):
            return framing.hosts(self._hosts)
        return framing.chunks_of_old() if self.chunked and self.old else None

    def _is_intake(self) -> bool:
        path = httptools.parse_url(self.url).path or b""
        return canonical_path(path.decode("latin-1")) in {EVENTS, OPERATIONS}

    def begin(self) -> None:
        """A request with an acceptable head: it is `cycle` from now on."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes the scope, which the hot route does without
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        super().on_headers_complete()
        self.cycle.transport = self
        if self.closes_next:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        if self._state == BODY:
            if self.chunked:
                self.count(body)
            super().on_body(body)

    def count(self, body: bytes) -> None:
        """Content earns chunks the bytes they need around it: two for each of its own, which is counted too."""
        self._around = max(0, self._around - 3 * len(body))

    def on_message_complete(self) -> None:
        if self._state == BODY:
            super().on_message_complete()
            self.arrived()

    def arrived(self) -> None:
        """The request is there whole; what follows waits for its answer."""
        self._arriving = False
        self._state = ANSWERING
        if self.cycle.response_complete:
            self._next()

    # Answers

    async def _announced(self, scope: Any, receive: Any, send: Any) -> None:
        """The application, whose answers say how long the connection stays open."""
        cycle = self.cycle

        async def announce(message: Any) -> None:
            if message["type"] == "http.response.start" and cycle.keep_alive:
                headers = list(message.get("headers", ()))
                message["headers"] = headers if _CLOSE in headers else [*headers, *self._kept]
            await send(message)

        await self._served(scope, receive, announce)

    def on_response_complete(self) -> None:
        """Called when an answer is written, which may be before the request is there whole."""
        self.server_state.total_requests += 1
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self._state == ANSWERING:
            self._next()

    def _next(self) -> None:
        self._state = IDLE
        if not self.flow.write_paused:
            self._wait(self._waits.idle + 1)  # a request that kept to what was announced may be on its way
            if self.flow.holds:
                self.loop.call_soon(self._read_on)

    def _too_late(self) -> None:
        if self._stopping:
            self._answer_last(errors.unavailable("the server stops; nothing was stored, send it again"))
        else:
            self._refuse(framing.too_slow(self._waits.arrive))

    def _refuse(self, error: Exception) -> None:
        if self._state != CLOSING:
            self._answer_last(errors.problem(error, "", ""))

    def _answer_last(self, found: Problem) -> None:
        """The answer to what is no request, or does not end, unless it has one. What was begun for it is told that
        nobody listens."""
        begun = self.cycle if self._state == BODY else None
        if begun is not None and not begun.response_complete:
            begun.disconnected = True
            begun.message_event.set()
        if begun is None or not (begun.response_started or begun.response_complete):
            body = errors.encoded(found)
            lines = [b"%s: %s\r\n" % pair for pair in self.server_state.default_headers]
            lines += [b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in found.headers.items()]
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(b"".join((STATUS_LINE[found.status], *lines, head, body)))
        self._linger()
