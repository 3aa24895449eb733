"""Room for request bodies: how many bytes of them are in memory at once, over all requests of the process.

A body of up to FREE bytes needs none, so that small requests never wait for large ones. A larger one takes as much
as it says it is long, all at once, so that no two hold a half each and wait for the other. Until there is room its
connection is not read. Tenants take turns, and none may hold more than what it leaves free (dynamic thresholds, as
in `dispatch/lanes.py`): half of everything while it is alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar.types import Receive

from outrider.domain.errors import Overloaded

FREE = 64 * 1024
PATIENCE_S = 10.0  # then 503: the producer waits better than the connection does

_Waiting = tuple[int, asyncio.Future[None]]


class Room:
    """`size` in bytes; whoever asks for more than that never gets it. Not thread-safe: lives on the event loop."""

    def __init__(self, size: int, patience_s: float = PATIENCE_S) -> None:
        self.free = size
        self._patience_s = patience_s
        self._held: dict[str, int] = {}
        self._waiting: dict[str, deque[_Waiting]] = {}  # by tenant, in the order of their turns

    def take_now(self, tenant: str, size: int) -> bool:
        """Whether there is room and nobody waits for it. True holds it until `give_back`."""
        if self._waiting or not self._fits(tenant, size):
            return False
        self._hold(tenant, size)
        return True

    async def take(self, tenant: str, size: int) -> None:
        """Hold it as soon as there is room, until `give_back`. Raises Overloaded when that takes too long."""
        if self.take_now(tenant, size):
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append((size, granted))
        self._serve()
        try:
            async with asyncio.timeout(self._patience_s):
                await granted
        except BaseException as error:
            self._leave(tenant, (size, granted))
            if granted.done() and not granted.cancelled():
                self._hold(tenant, -size)
            self._serve()
            if isinstance(error, TimeoutError):
                raise Overloaded("no room for another large request") from None
            raise

    def give_back(self, tenant: str, size: int) -> None:
        self._hold(tenant, -size)
        self._serve()

    def _hold(self, tenant: str, size: int) -> None:
        self.free -= size
        held = self._held.get(tenant, 0) + size
        if held:
            self._held[tenant] = held
        else:
            self._held.pop(tenant, None)

    def _fits(self, tenant: str, size: int) -> bool:
        return size + self._held.get(tenant, 0) <= self.free

    def _serve(self) -> None:
        """Give what is free to those who wait, in turn. Nobody overtakes one who waits for others to finish, or a
        large request would wait for ever; one who waits for requests of its own is passed over."""
        passed = 0
        while passed < len(self._waiting):
            tenant, line = next(iter(self._waiting.items()))
            size, granted = line[0]
            if size > self.free:
                return
            self._waiting[tenant] = self._waiting.pop(tenant)  # at the end of the line
            if not self._fits(tenant, size):
                passed += 1
                continue
            self._leave(tenant, (size, granted))
            self._hold(tenant, size)
            granted.set_result(None)
            passed = 0

    def _leave(self, tenant: str, waiting: _Waiting) -> None:
        line = self._waiting.get(tenant, deque())
        with suppress(ValueError):
            line.remove(waiting)
        if not line:
            self._waiting.pop(tenant, None)


@asynccontextmanager
async def holding(
    room: Room, scope: Any, receive: Receive, tenant: Callable[[], str], most: int
) -> AsyncIterator[Receive]:
    """`receive` for a body of at most `most` bytes, which takes room for a large one before it reads more of it
    than FREE; uvicorn reads little ahead. What was taken is held until the end of the block."""
    declared = next((int(value) for name, value in scope["headers"] if name == b"content-length"), most)
    whose, held, seen = "", 0, 0

    async def within() -> Any:
        nonlocal whose, held, seen
        message: Any = await receive()
        seen += len(message.get("body", b""))
        if seen > FREE and not held and declared <= most:
            whose = tenant()
            await room.take(whose, declared)
            held = declared
        return message

    try:
        yield within
    finally:
        if held:
            room.give_back(whose, held)
