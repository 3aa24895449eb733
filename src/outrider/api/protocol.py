"""uvicorn's HTTP protocol with a short way for the hot route.

A request to the hot route is read from the parser and answered in one write, without ASGI's messages in between;
that halves what HTTP costs an event. Everything else goes uvicorn's way, also a request to the hot route that needs
what only uvicorn does: an interim answer, or an upgrade.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from outrider.api.connection import Connection
from outrider.api.credentials import source_of
from outrider.api.intake import EVENTS, JSON, OPERATIONS, Admitted, Answer, IntakeRoute, refusal, too_large
from outrider.api.lifetime import BODY
from outrider.api.room import FREE

SMALL = 1024  # bytes
SMALL_AT_ONCE = 256
_HOT = {EVENTS.encode(): EVENTS, OPERATIONS.encode(): OPERATIONS}


class _Nobody:
    """Stands where uvicorn wakes an application that waits for the body."""

    def set(self) -> None:
        """Nobody waits."""


class Exchange:
    """A request on its short way. The first five, and `response_started`, are what is looked at in uvicorn's own
    cycles."""

    __slots__ = (
        "admitted",
        "chunks",
        "disconnected",
        "keep_alive",
        "message_event",
        "more_body",
        "path",
        "response_complete",
        "room",
        "size",
        "small",
        "waiting",
    )
    response_started = False  # answers are written whole

    def __init__(self, path: str, *, keep_alive: bool) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = keep_alive
        self.message_event = _NOBODY
        self.more_body = True
        self.path = path
        self.admitted: Admitted | None = None
        self.chunks: list[bytes] = []
        self.size = 0
        self.small = 0  # pieces at the end of `chunks`
        self.room = 0  # bytes held of it; what is not large holds none
        self.waiting: asyncio.Task[None] | None = None  # for room

    @property
    def tenant(self) -> str:
        return "" if self.admitted is None else self.admitted.tenant

    def add(self, piece: bytes) -> None:
        """Small ones are joined now and then, so that a body in tiny chunks takes no more memory than another."""
        self.chunks.append(piece)
        self.size += len(piece)
        self.small = self.small + 1 if len(piece) < SMALL else 0
        if self.small == SMALL_AT_ONCE:
            self.chunks[-SMALL_AT_ONCE:] = [b"".join(self.chunks[-SMALL_AT_ONCE:])]
            self.small = 0


_NOBODY = _Nobody()


class IntakeProtocol(Connection):
    """`cycle` is an Exchange while, and after, a request goes the short way."""

    cycle: Any

    def __init__(self, route: IntakeRoute, **given: Any) -> None:
        super().__init__(**given)
        self._route = route
        self._dated: list[tuple[bytes, bytes]] | None = None
        self._usual_lines = b""

    def begin(self) -> None:
        path, asks, _ = self.url.partition(b"?")
        hot = _HOT.get(path)
        if hot is None or self._needs_uvicorn():
            super().begin()
            return
        keeps = not self.old and not self.closes_next and self.parser.should_keep_alive()
        self.cycle = exchange = Exchange(hot, keep_alive=keeps)
        query = (httptools.parse_url(self.url).query or b"") if asks else b""
        try:
            exchange.admitted = self._route.admit("POST", query, self.headers, source_of(self.client))
            if self.length is not None and self.length > self._route.request_bytes:
                raise too_large(self._route.request_bytes)
        except Exception as error:
            self._answer(exchange, refusal(error, hot))

    def _needs_uvicorn(self) -> bool:
        return self.expect_100_continue or self.parser.should_upgrade() or self.parser.get_method() != b"POST"

    def on_body(self, body: bytes) -> None:
        exchange = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_body(body)
            return
        if self.chunked:
            self.count(body)
        if not exchange.response_complete:
            exchange.add(body)
            if exchange.size > FREE:
                self._check_large(exchange)

    def _check_large(self, exchange: Exchange) -> None:
        """A large body needs room; until it has it, nothing more of it is read."""
        most = self._route.request_bytes
        if exchange.size > most:
            self._answer(exchange, refusal(too_large(most), exchange.path))
        elif not exchange.room and exchange.waiting is None:
            size = self._declared() or most
            if self._route.room.take_now(exchange.tenant, size):
                exchange.room = size
                return
            self.flow.holds = True
            self.flow.pause_reading()
            exchange.waiting = self.loop.create_task(self._wait_for_room(exchange, size))
            self.tasks.add(exchange.waiting)
            exchange.waiting.add_done_callback(self.tasks.discard)

    def _declared(self) -> int | None:
        """The Content-Length; None for a body in chunks."""
        return next((int(value) for name, value in self.headers if name == b"content-length"), None)

    async def _wait_for_room(self, exchange: Exchange, size: int) -> None:
        try:
            await self._route.room.take(exchange.tenant, size)
            exchange.room = size
        except Exception as error:
            if not exchange.response_complete:
                self._answer(exchange, refusal(error, exchange.path))
        finally:
            exchange.waiting = None
            if exchange.response_complete:
                self._let_go(exchange)
            self._read_on()

    def _let_go(self, exchange: Exchange) -> None:
        """What the body held is free."""
        exchange.chunks.clear()
        if exchange.room:
            self._route.room.give_back(exchange.tenant, exchange.room)
            exchange.room = 0

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self.cycle
        if isinstance(exchange, Exchange) and exchange.more_body:  # nobody will answer it
            exchange.response_complete = True
            self._let_go(exchange)
        super().connection_lost(exc)

    def _too_late(self) -> None:
        """While a body waits for room, it is we who do not read."""
        if not self._stopping and isinstance(self.cycle, Exchange) and self.cycle.waiting is not None:
            self._wait(self._waits.arrive)
        else:
            super()._too_late()

    def on_message_complete(self) -> None:
        exchange = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_message_complete()
            return
        if self._state != BODY:
            return
        exchange.more_body = False
        if not exchange.response_complete:
            task = self.loop.create_task(self._accept(exchange))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        self.arrived()

    async def _accept(self, exchange: Exchange) -> None:
        assert exchange.admitted is not None  # noqa: S101 - else it was answered with the headers
        try:
            if exchange.waiting is not None:
                await asyncio.wait([exchange.waiting])
                if exchange.response_complete:
                    return
            if self._route.turn.is_over():
                await self._route.turn.begin()
            answer = await self._route.accept(exchange.path, exchange.admitted, exchange.chunks)
        except asyncio.CancelledError:
            self.close()  # the server stops and its patience is over
            self._let_go(exchange)
            raise
        self._answer(exchange, answer)

    def _answer(self, exchange: Exchange, answer: Answer) -> None:
        """The whole answer in one write."""
        exchange.response_complete = True
        self._let_go(exchange)
        if exchange.disconnected:
            return
        closes = answer.closes or not exchange.keep_alive
        if closes or answer.extra:
            lines = [b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *answer.fields())]
            lines.append(b"connection: close\r\n" if closes and not answer.closes else b"")
            lines.append(b"" if closes else self.kept_lines)
            self.transport.write(b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", answer.body)))
        else:
            length = b"content-length: %d\r\n\r\n" % len(answer.body)
            self.transport.write(b"".join((STATUS_LINE[answer.status], self._usual(), length, answer.body)))
        if closes:
            self.close()
        self.on_response_complete()

    def _usual(self) -> bytes:
        """The headers of an answer that does not close the connection, as they are for a second."""
        dated = self.server_state.default_headers
        if dated is not self._dated:
            self._dated = dated
            lines = b"".join(b"%s: %s\r\n" % pair for pair in (*dated, JSON))
            self._usual_lines = lines + self.kept_lines
        return self._usual_lines
