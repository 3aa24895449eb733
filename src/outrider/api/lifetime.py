"""How long a connection may stay in a state, and how it ends.

A connection has one alarm. It outlasts many requests: when it rings, the deadline has usually moved on.
"""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

import msgspec
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER_BYTES = 1024 * 1024  # thrown away after a refusal, so that the peer reads it before it sees a reset
TAKEN_BYTES = 256 * 1024  # of an answer, at least, in each `Waits.take`
EARLY_S = 0.001  # the grain of the loop's timers


# The states of a connection, as numbers because each request looks at them many times.
NEW = 0  # no request yet
IDLE = 1
HEAD = 2  # some of a head is there
BODY = 3  # the head is parsed
ANSWERING = 4  # the request is there whole, its answer is not
CLOSING = 5


class Waits(msgspec.Struct, frozen=True):
    """How many seconds a state of a connection may last."""

    arrive: float = 30.0  # from the first byte of a request to the last one of its body; until the first byte
    idle: float = 75.0  # between two requests
    take: float = 30.0  # of an answer: TAKEN_BYTES, or what is left
    close: float = 5.0  # from the last answer until the connection is gone
    handshake: float = 10.0
    crowded: float = 5.0  # until the first byte, on a connection beyond the bound
    stop: float = 1.0  # for what is on its way when the server stops


class Flow(FlowControl):
    """Reads on only if the connection wants more and the peer takes its answers."""

    holds = False

    def resume_reading(self) -> None:
        if not self.holds and not self.write_paused:
            super().resume_reading()


class Lifetime(HttpToolsProtocol):
    """What reads and answers is in `connection.py`; this ends it."""

    cycle: Any  # the latest request, None before the first one
    flow: Flow
    crowded = False  # beyond the bound: no intake, and one request only

    def __init__(self, *, waits: Waits, **given: Any) -> None:
        super().__init__(**given)
        self._waits = waits
        self._state = NEW
        self._rest = b""  # read, not parsed
        self._arriving = False  # the time of the request that arrives has begun
        self._stopping = False
        self._unread = 0  # bytes after an answer that came early, or after a refusal
        self._untaken = 0  # bytes of answers, when the peer was last seen taking them
        self._until = 0.0
        self._alarm: TimerHandle | None = None
        self._alarm_at = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._wait(self._waits.crowded if self.crowded else self._waits.arrive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = CLOSING
        self._rest = b""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Called when the server stops: what is whole is answered, what is not has a moment to arrive."""
        self._stopping = True
        if self._state <= IDLE:
            self._close()
        elif self._state != CLOSING:
            if self.cycle is not None:
                self.cycle.keep_alive = False
            if self._state != ANSWERING:
                self._wait(self._waits.stop)

    @property
    def closes_next(self) -> bool:
        """Whether the connection closes after this request in any case."""
        return self._stopping or self.crowded

    def spare(self) -> tuple[int, float] | None:
        """How soon it has to go when there is no room: the least goes first. None for one that owes an answer."""
        if self._state in {NEW, CLOSING} or (self._state == HEAD and self.cycle is None):
            return (0, self._until)
        if self._state == IDLE:
            return (1, self._until)
        return (2, self._until) if self._state < ANSWERING else None

    # To uvicorn's own cycles a connection is the transport, so that theirs ends as ours do

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def is_closing(self) -> bool:
        return self._state == CLOSING or self.transport.is_closing()

    def close(self) -> None:
        """After the answer: at once, or when the peer had time to read it, if it is still sending."""
        if self._state == ANSWERING:
            self._close()
        else:
            self._linger()

    def abort(self) -> None:
        self._closes()
        self.transport.abort()

    def pause_writing(self) -> None:
        """Called when much of the answers has not gone out; until it has, nothing more is read."""
        super().pause_writing()
        self.flow.pause_reading()
        if self._state != CLOSING:
            self._untaken = self.transport.get_write_buffer_size()
            self._wait(self._waits.take)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._state != CLOSING:
            self._arriving = False
            self._wait(self._waits.idle)
            self._read_on()
            self._await_rest()
            self.flow.resume_reading()

    def _await_rest(self) -> None:
        """The time of a request begins with its first byte, and again when nothing could be read meanwhile. Most
        come in one piece and need none."""
        if IDLE < self._state < ANSWERING and not self._arriving and not self.flow.write_paused:
            self._arriving = True
            self._wait(self._waits.stop if self._stopping else self._waits.arrive)

    def _read_on(self) -> None:
        """Go on with `_rest`."""
        raise NotImplementedError

    def _too_late(self) -> None:
        """A request did not arrive in time."""
        raise NotImplementedError

    def _linger(self) -> None:
        """Close, but not before the peer had a moment to read what it was told: bytes of it that nobody read would
        make the end a reset, which may overtake the answer."""
        self._closes()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        self.flow.holds = False
        self.flow.resume_reading()

    def _close(self) -> None:
        self._closes()
        self.transport.close()

    def _closes(self) -> None:
        if self._state != CLOSING:
            self._state = CLOSING
            self._rest = b""
            self._unread = 0
            self._wait(self._waits.close)

    def _throw_away(self, size: int) -> None:
        self._unread += size
        if self._unread > LINGER_BYTES:
            self.transport.abort()

    def _wait(self, seconds: float) -> None:
        self._until = until = self.loop.time() + seconds
        if self._alarm is None or self._alarm_at > until:
            self._set_alarm(until)

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self.loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self.loop.time() < self._until - EARLY_S:
            self._set_alarm(self._until)
        elif self._state == CLOSING:
            self.transport.abort()
        elif self.transport.is_closing():
            self._closes()
        elif self.flow.write_paused:
            self._judge_reader()
        elif self._state == ANSWERING:
            self._wait(self._waits.arrive)  # the time an answer takes is ours
        elif self._state <= IDLE:
            self._close()
        else:
            self._too_late()

    def _judge_reader(self) -> None:
        left = self.transport.get_write_buffer_size()
        if self._untaken - left < TAKEN_BYTES:
            self.abort()
        else:
            self._untaken = left
            self._wait(self._waits.take)
