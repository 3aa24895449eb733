"""Accepting connections: never more than there are descriptors for, and always one more for whoever looks after us.

At the bound a handshake that takes its time makes room, then the connection that has waited longest for its first
request, then the one idle longest, then the one whose request has been arriving longest: nothing of theirs is
accepted yet. When every one owes an answer, new ones up to HEADROOM are taken for health checks and management, and
refused intake. Beyond that, and while no descriptor is free, clients wait in the system's queue; nobody is reset.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial
from heapq import nsmallest
from operator import itemgetter
from typing import Any, cast

import msgspec
from uvicorn.server import ServerState

from outrider.api.lifetime import Lifetime, Waits
from outrider.descriptors import HEADROOM

log = logging.getLogger("outrider.api")
PAUSE_S = 0.05  # until there may be room again
TELL_EVERY_S = 10.0
HANDSHAKE_S = 1.0  # an honest one takes milliseconds; one that takes longer makes room first
CHOSEN_AT_ONCE = 64  # connections to close, by one look at all of them
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class _Opening(msgspec.Struct, frozen=True):
    """A connection whose handshake is under way, since when."""

    since: float
    connection: Lifetime


class Listener:
    """Accepts on a bound socket from its making until `close`. `make` makes a connection's protocol."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], Lifetime],
        state: ServerState,
        *,
        room: int,
        waits: Waits,
        context: ssl.SSLContext | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._make = make
        self._state = state
        self._room = room
        self._tls: dict[str, Any] = {"ssl": context}
        if context is not None:
            self._tls |= {"ssl_handshake_timeout": waits.handshake, "ssl_shutdown_timeout": waits.close}
        self._opening: dict[asyncio.Task[None], _Opening] = {}  # in the order they were accepted
        self._chosen: list[tuple[tuple[int, float], Lifetime]] = []  # the next to close, in reverse
        self._looked = -PAUSE_S  # when nobody was found to close
        self._closed = self._crowded = 0  # since it was last told
        self._told = -TELL_EVERY_S
        self._accepting = self._loop.create_task(self._accept())

    def close(self) -> None:
        """No more connections; those that are still being opened end. Called by uvicorn when the server stops."""
        self._accepting.cancel()
        for task in self._opening:
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(self._accepting, *self._opening, return_exceptions=True)

    @property
    def _open(self) -> int:
        return len(self._state.connections) + sum(each.connection.flow is None for each in self._opening.values())

    async def _accept(self) -> None:
        while True:
            if self._open >= self._room + HEADROOM and not self._make_room():
                self._tell("clients wait to be accepted")
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                accepted, _ = await self._loop.sock_accept(self._listening)
            except OSError as error:
                await self._not_accepted(error)
                continue
            try:
                self._take(accepted)
            except Exception as error:  # of ours; whoever comes next may have more luck
                accepted.close()
                log.error("a connection could not be opened", exc_info=error)

    async def _not_accepted(self, error: OSError) -> None:
        if error.errno in _NO_DESCRIPTOR:
            self._tell(f"no descriptor is free, clients wait to be accepted ({error.strerror})")
            self._make_room()
            await asyncio.sleep(PAUSE_S)
        # Anything else is about that one client: it has gone meanwhile (accept(2)).

    def _take(self, accepted: socket.socket) -> None:
        connection = self._make()
        if self._open >= self._room and not self._make_room():
            connection.crowded = True
            self._crowded += 1
            self._tell("all owe an answer, so new ones are for health checks and management only")
        task = self._loop.create_task(self._begin(accepted, connection))
        self._opening[task] = _Opening(self._loop.time(), connection)
        task.add_done_callback(partial(self._opened, accepted))

    async def _begin(self, accepted: socket.socket, connection: Lifetime) -> None:
        await self._loop.connect_accepted_socket(lambda: connection, accepted, **self._tls)

    def _opened(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        del self._opening[task]
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            accepted.close()
        if error is not None and not isinstance(error, OSError):  # else it hung up, or its handshake failed
            log.error("a connection could not be opened", exc_info=error)

    def _make_room(self) -> bool:
        """Whether a connection was closed for the next one."""
        if (task := self._oldest_handshake()) is not None:
            task.cancel()
        elif (found := self._choose()) is not None:
            found.abort()
            self._state.connections.discard(found)  # its end would do that only later
        else:
            return False
        self._closed += 1
        self._tell("those that waited longest for a request make room")
        return True

    def _oldest_handshake(self) -> asyncio.Task[None] | None:
        late = self._loop.time() - HANDSHAKE_S
        for task, opening in self._opening.items():
            if opening.since > late:
                return None
            if not task.cancelling():
                return task
        return None

    def _choose(self) -> Lifetime | None:
        if (found := self._next_chosen()) is not None:
            return found
        if self._loop.time() - self._looked < PAUSE_S:
            return None
        every = cast("set[Lifetime]", self._state.connections)
        ranked = [(rank, connection) for connection in every if (rank := connection.spare()) is not None]
        first = nsmallest(CHOSEN_AT_ONCE, ranked, key=itemgetter(0))
        # Whoever comes later waits behind those that have sent nothing, but before the others.
        self._chosen = [each for each in first if each[0][0] == 0][::-1] or first[:1]
        if (found := self._next_chosen()) is None:
            self._looked = self._loop.time()
        return found

    def _next_chosen(self) -> Lifetime | None:
        """Of those found before, the next that has done nothing since."""
        while self._chosen:
            rank, connection = self._chosen.pop()
            if connection.spare() == rank:
                return connection
        return None

    def _tell(self, what: str) -> None:
        if self._loop.time() - self._told < TELL_EVERY_S:
            return
        counts = f"{self._closed} closed, {self._crowded} beyond the bound since the last line of this kind"
        log.warning("%d connections are open, the bound is %d: %s; %s", self._open, self._room, what, counts)
        self._told = self._loop.time()
        self._closed = self._crowded = 0
