"""One TLS connection, and the exchange it carries. One exchange at a time, one attempt per exchange."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from outrider.egress.answer import Answer, BadAnswer
from outrider.egress.fault import Fault, late, of_tls
from outrider.ports.sender import FailureKind


class Connection(asyncio.Protocol):
    """`exchange` sends and resolves once; a connection that received anything else is closed.

    `written_at`, `first_at` and `ended_at` are the instants of the last exchange, in seconds of `clock`;
    `first_at` is 0.0 when nothing arrived.
    """

    __slots__ = (
        "_body_cap", "_clock", "_loop", "_lost", "_on_lost", "_timer", "_transport", "_waiter",
        "answer", "ended_at", "first_at", "idle_until", "key", "written_at",
    )  # fmt: skip

    def __init__(
        self,
        key: tuple[str, int],
        *,
        body_cap: int,
        clock: Callable[[], float],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self.key = key
        self.idle_until = 0.0
        self.written_at = self.first_at = self.ended_at = 0.0
        self.answer = Answer(0)
        self._body_cap = body_cap
        self._clock = clock
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Fault | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()

    def exchange(self, payload: bytes, seconds: float) -> asyncio.Future[Fault | None]:
        """Write `payload`; resolves within `seconds` to None when `answer` is complete, or to the fault."""
        self._waiter = waiter = self._loop.create_future()
        self.answer = Answer(self._body_cap)
        self.first_at = 0.0
        transport = self._transport
        if transport is None or transport.is_closing():
            self._settle(_broken("before the request could be sent"))
            return waiter
        self._timer = self._loop.call_later(max(seconds, 0.0), self._expire)
        transport.write(payload)
        self.written_at = self._clock()
        return waiter

    @property
    def usable(self) -> bool:
        """Whether another request may be written; false as soon as the receiver closed or spoke unasked."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close with a closure alert (RFC 9112, section 9.8); bounded by the transport's own timeout."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now and forget the exchange, if any."""
        self._waiter = None
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    @property
    def lost(self) -> asyncio.Future[None]:
        """Resolves when the socket is closed."""
        return self._lost

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self.abort()
            return
        if not self.first_at:
            self.first_at = self._clock()
        try:
            complete = self.answer.feed(data)
        except BadAnswer as bad:
            self._settle(Fault(FailureKind.PROTOCOL, str(bad)))
        else:
            if complete:
                self._settle(None)

    def eof_received(self) -> None:
        self._receiver_closed()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError):
            self._settle(of_tls(exc))
        elif exc is None or isinstance(exc, ssl.SSLEOFError):
            self._receiver_closed()
        else:
            self._settle(_broken(self._phase()))
        if not self._lost.done():
            self._lost.set_result(None)
        self._on_lost(self)

    def _receiver_closed(self) -> None:
        if self._waiter is not None:
            self._settle(None if self.answer.end() else _broken(self._phase()))

    def _expire(self) -> None:
        self._settle(late(self._phase()))

    def _phase(self) -> str:
        if not self.first_at:
            return "before the answer began"
        return "in the body of the answer" if self.answer.head_done else "in the head of the answer"

    def _settle(self, fault: Fault | None) -> None:
        waiter, self._waiter = self._waiter, None
        self._stop_timer()
        if fault is not None and self._transport is not None:
            self._transport.abort()
        if waiter is not None and not waiter.done():
            self.ended_at = self._clock()
            waiter.set_result(fault)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _broken(phase: str) -> Fault:
    return Fault(FailureKind.RESET, f"The receiver closed the connection {phase}.")
