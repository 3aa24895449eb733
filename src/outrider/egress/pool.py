"""Connections kept open between requests, by host and port."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from outrider.egress.connection import Connection

_FAREWELL_S = 1.0
_MARGIN_S = 1.0  # we close before the receiver does, or a request could meet its close on the way


class Pool:
    """`take` the youngest idle connection, `put` it back after an answer that allows it.

    Bounded per host and in total: past a bound the connection idle longest is closed.
    """

    def __init__(self, *, idle_s: float, per_host: int, total: int, clock: Callable[[], float]) -> None:
        self._idle_s = idle_s
        self._per_host = per_host
        self._total = total
        self._clock = clock
        self._by_host: dict[tuple[str, int], deque[Connection]] = {}
        self._by_age: OrderedDict[Connection, None] = OrderedDict()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._by_age)

    def take(self, key: tuple[str, int]) -> Connection | None:
        """A connection on which a request may be written, or None."""
        idle = self._by_host.get(key)
        while idle:
            connection = idle.pop()
            del self._by_age[connection]
            if connection.usable and connection.idle_until > self._clock():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep `connection`, at most as long as the receiver says it does."""
        keeps = connection.answer.keep_alive_s()
        idle_s = self._idle_s if keeps is None else min(self._idle_s, keeps - _MARGIN_S)
        if self._closed or idle_s <= 0 or not self._per_host or not self._total:
            connection.close()
            return
        idle = self._by_host.setdefault(connection.key, deque())
        if len(idle) >= self._per_host:
            self._evict(idle[0])
        if len(self._by_age) >= self._total:
            self._evict(next(iter(self._by_age)))
            idle = self._by_host.setdefault(connection.key, idle)
        connection.idle_until = self._clock() + idle_s
        idle.append(connection)
        self._by_age[connection] = None
        if self._sweeper is None:
            self._schedule()

    def discard(self, connection: Connection) -> None:
        """Forget a connection that is gone; does nothing when it is not idle here."""
        if connection not in self._by_age:
            return
        del self._by_age[connection]
        idle = self._by_host[connection.key]
        idle.remove(connection)
        if not idle:
            del self._by_host[connection.key]

    async def close(self) -> None:
        """Close all, waiting at most two seconds for receivers to take leave. Idempotent."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        leaving = list(self._by_age)
        self._by_age.clear()
        self._by_host.clear()
        for connection in leaving:
            connection.close()
        await _gone(leaving)
        for connection in leaving:
            connection.abort()
        await _gone(leaving)

    def _evict(self, connection: Connection) -> None:
        self.discard(connection)
        connection.close()

    def _schedule(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(self._idle_s / 2, self._sweep)

    def _sweep(self) -> None:
        now = self._clock()
        for connection in [idle for idle in self._by_age if idle.idle_until <= now]:
            self._evict(connection)
        for key in [key for key, idle in self._by_host.items() if not idle]:
            del self._by_host[key]
        self._sweeper = None
        if self._by_age:
            self._schedule()


async def _gone(connections: list[Connection]) -> None:
    waiting = [connection.lost for connection in connections if not connection.lost.done()]
    if waiting:
        await asyncio.wait(waiting, timeout=_FAREWELL_S)
