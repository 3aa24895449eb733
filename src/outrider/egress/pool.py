"""Outgoing connections: how many there may be, and the idle ones that wait for their next request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque

from outrider.egress.exchange import Connection
from outrider.egress.faults import OutOfSockets

IDLE_S = 20.0
REAPED_EVERY_S = 5.0
IDLE_PER_HOST = 512  # webhooks often share a host; each may have 64 attempts under way
CLOSED_AT_ONCE = 64  # in one turn of the loop
Peer = tuple[str, int]


class Pool:
    """At most `most` connections, those in use, those being tried and idle ones together; where there is no room
    for another one, the oldest idle one is closed. Idle ones are closed after IDLE_S, by one timer for all.

    A quarter may be lent to second and further attempts of dials (`race.py`): these never take the last room.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_use = 0
        self._lent = 0
        self._idle: dict[Peer, deque[Connection]] = {}  # the oldest first
        self._order: OrderedDict[Connection, Peer] = OrderedDict()  # the same over all hosts
        self._reaper: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        """Connections there are, idle ones included."""
        return self._in_use + self._lent + len(self._order)

    def take(self, peer: Peer, now: float) -> Connection | None:
        """The most recently used live connection to `peer`, or None and room for a new one; `give` ends both.

        Raises OutOfSockets. `now` is `time.perf_counter()`.
        """
        idle = self._idle.get(peer)
        while idle:
            connection = idle.pop()
            del self._order[connection]
            if connection.alive and now - connection.idle_since < IDLE_S:
                self._in_use += 1
                return connection
            connection.close()
        if idle is not None:
            del self._idle[peer]
        if not self._has_room():
            raise OutOfSockets(f"all {self._most} connections that may be open at once are in use")
        self._in_use += 1
        return None

    def give(self, peer: Peer, connection: Connection | None, now: float) -> None:
        """What `take` gave is not in use any more; a connection, when there is one that can be used again."""
        self._in_use -= 1
        idle = self._idle.get(peer)
        if connection is None or not (connection.reusable and connection.alive):
            if connection is not None:
                connection.close()
            if idle is not None and not idle:
                del self._idle[peer]
            return
        if idle is None:
            idle = self._idle[peer] = deque()
        elif len(idle) >= IDLE_PER_HOST:
            oldest = idle.popleft()
            del self._order[oldest]
            oldest.close()
        connection.idle_since = now
        idle.append(connection)
        self._order[connection] = peer
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(REAPED_EVERY_S, self._reap)

    def lend(self) -> bool:
        """Room for one more attempt of a dial that has one under way; `give_back` ends it."""
        if self._lent >= self._most // 4 or not self._has_room():
            return False
        self._lent += 1
        return True

    def give_back(self) -> None:
        self._lent -= 1

    async def relieve(self) -> bool:
        """Descriptors are short: close the oldest idle connections. False when there is none."""
        if not self._order:
            return False
        for _ in range(min(CLOSED_AT_ONCE, len(self._order))):
            self._close_oldest()
        for _ in range(3):  # the loop closes them in its next turns
            await asyncio.sleep(0)
        return True

    def close(self) -> None:
        while self._order:
            self._close_oldest()
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None

    def _has_room(self) -> bool:
        if self.open < self._most:
            return True
        if not self._order:
            return False
        self._close_oldest()
        return True

    def _close_oldest(self) -> None:
        connection, peer = self._order.popitem(last=False)
        idle = self._idle[peer]
        idle.popleft()
        if not idle:
            del self._idle[peer]
        connection.close()

    def _reap(self) -> None:
        """In short turns: closing a connection costs processor time."""
        stale = time.perf_counter() - IDLE_S
        for _ in range(CLOSED_AT_ONCE):
            if not self._order or next(iter(self._order)).idle_since > stale:
                pause = REAPED_EVERY_S
                break
            self._close_oldest()
        else:
            pause = 0.0
        again = asyncio.get_running_loop().call_later
        self._reaper = again(pause, self._reap) if self._order else None
