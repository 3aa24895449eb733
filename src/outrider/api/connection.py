"""HTTP/1.1 connections: uvicorn's, with JSON for what is no request, and a limit on the time one takes to arrive.

LoginRadius' Node SDK counts characters as bytes, so the end of a body with other than ASCII characters follows
its request as if it were the next one. uvicorn would answer that at once, before the request it belongs to.
"""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from outrider.api import errors
from outrider.domain.errors import CallerError

INVALID_REQUEST = 7900
ARRIVE_WITHIN_S = 30.0  # from the first byte of a request to the last one of its body


class Connection(HttpToolsProtocol):
    """Requests that arrived whole are answered; then the connection closes."""

    cycle: Any  # the latest request, None before the first one

    def __init__(self, *, arrive_within_s: float = ARRIVE_WITHIN_S, **given: Any) -> None:
        super().__init__(**given)
        self._arrive_within_s = arrive_within_s
        self._arriving = False
        self._before: Any = None  # `cycle` when the request that is arriving began; another one after its headers
        self._deadline: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._arriving and self._deadline is None:  # most requests arrive in one piece and need no timer
            self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving = True
        self._before = self.cycle

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arrived()

    def on_response_complete(self) -> None:
        if self.pipeline and self._deadline is not None:  # what waited behind this answer is read only now
            self._deadline.cancel()
            self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _arrived(self) -> None:
        self._arriving = False
        self._before = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self._arrive_within_s, self._too_slow)

    def _too_slow(self) -> None:
        """The request is answered 408, unless it is answered already, and the connection closes. Behind a request
        that is being answered nothing is read, so its time begins anew."""
        self._deadline = None
        if self.transport.is_closing():
            return
        last = self.cycle
        begun = last is not self._before
        if self._is_held_up() or self.pipeline or (not begun and last is not None and not last.response_complete):
            self._wait()
        elif begun and (last.response_started or last.response_complete):
            self.transport.close()
        else:
            if begun:
                last.disconnected = True  # nobody hears what else is said to it
                last.message_event.set()
            self._refuse(_late(self._arrive_within_s))

    def _is_held_up(self) -> bool:
        """Whether we are the ones who do not read."""
        return False

    def send_400_response(self, msg: str) -> None:
        """Called for every piece of input that is no HTTP."""
        last: RequestResponseCycle | None = self.cycle
        if last is None or last.more_body or last.response_complete:
            hint = f"{msg} Is the Content-Length in bytes?"
            self._refuse(CallerError("The request is not HTTP", hint, code=INVALID_REQUEST))
        else:
            last.keep_alive = False

    def _refuse(self, error: CallerError) -> None:
        found = errors.problem(error, "", "")
        body = errors.encoded(found)
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[found.status] + head + body)
        self.transport.close()


def _late(limit_s: float) -> CallerError:
    hint = f"a request has to arrive whole within {limit_s:g} s; nothing was stored, send it again"
    return CallerError("The request took too long", hint, code=INVALID_REQUEST, status=408)
