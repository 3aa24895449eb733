"""uvicorn's HTTP protocol with a short way for the hot route.

A request to the hot route is read from the parser and answered in one write, without ASGI's messages in between;
that halves what HTTP costs an event. Everything else goes uvicorn's way, also a request to the hot route that needs
what only uvicorn does: an interim answer, an upgrade, or its turn behind a pipelined one.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from outrider.api.connection import Connection
from outrider.api.credentials import source_of
from outrider.api.intake import EVENTS, OPERATIONS, Admitted, Answer, IntakeRoute, refusal, too_large

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
        "size",
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


_NOBODY = _Nobody()


class IntakeProtocol(Connection):
    """`cycle` is an Exchange while, and after, a request goes the short way."""

    cycle: Any

    def __init__(self, route: IntakeRoute, **given: Any) -> None:
        super().__init__(**given)
        self._route = route

    def on_headers_complete(self) -> None:
        path, _, _ = self.url.partition(b"?")
        hot = _HOT.get(path)
        if hot is None or not self._takes_short_way():
            super().on_headers_complete()
            return
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self.cycle = exchange = Exchange(hot, keep_alive=keep_alive)
        query = httptools.parse_url(self.url).query or b""
        try:
            exchange.admitted = self._route.admit("POST", query, self.headers, source_of(self.client))
        except Exception as error:
            self._answer(exchange, refusal(error, hot))

    def _takes_short_way(self) -> bool:
        waits = self.cycle is not None and not self.cycle.response_complete
        asks = self.expect_100_continue or self.parser.should_upgrade() or self.parser.get_method() != b"POST"
        return not waits and not asks

    def on_body(self, body: bytes) -> None:
        exchange = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_body(body)
        elif not exchange.response_complete:
            exchange.chunks.append(body)
            exchange.size += len(body)
            if exchange.size > self._route.request_bytes:
                self._answer(exchange, refusal(too_large(self._route.request_bytes), exchange.path))

    def on_message_complete(self) -> None:
        exchange = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_message_complete()
            return
        self._arrived()
        exchange.more_body = False
        if not exchange.response_complete:
            task = self.loop.create_task(self._accept(exchange))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _accept(self, exchange: Exchange) -> None:
        assert exchange.admitted is not None  # noqa: S101 - else it was answered with the headers
        body = exchange.chunks[0] if len(exchange.chunks) == 1 else b"".join(exchange.chunks)
        try:
            answer = await self._route.accept(exchange.path, exchange.admitted, body)
        except asyncio.CancelledError:
            self.transport.close()  # the server stops and its patience is over
            raise
        self._answer(exchange, answer)

    def _answer(self, exchange: Exchange, answer: Answer) -> None:
        """The whole answer in one write."""
        exchange.response_complete = True
        exchange.chunks.clear()
        if exchange.disconnected:
            return
        closes = answer.closes or not exchange.keep_alive
        lines = [b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *answer.fields())]
        if closes and not answer.closes:
            lines.append(b"connection: close\r\n")
        self.transport.write(b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", answer.body)))
        if closes:
            self.transport.close()
        self.on_response_complete()
