"""Group commit: what arrives while a commit runs shares the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from outrider.domain.errors import StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")
WAITING = 20_000  # more are refused, so that a slow database is felt by producers and not by memory


class Gatherer(Generic[Item, Result]):
    """`commit` takes a group and returns one result or exception for each item, or raises for all of them.

    Groups hold up to `largest` items; `at_once` of them may be under way.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        largest: int,
        at_once: int,
    ) -> None:
        self._commit = commit
        self._largest = largest
        self._idle = at_once
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """The item's result. Raises its exception, or StoreUnavailable when too much waits."""
        if len(self._waiting) >= WAITING:
            raise StoreUnavailable("too many commits are waiting for PostgreSQL")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._idle:
            self._idle -= 1
            task = asyncio.get_running_loop().create_task(self._work())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _work(self) -> None:
        try:
            await asyncio.sleep(0)  # let requests of the same instant join
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
                await self._answer(group)
        finally:
            self._idle += 1

    async def _answer(self, group: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._commit([item for item, _ in group])
        except Exception as error:  # handed to everybody who waits for this group
            if isinstance(error, StoreUnavailable):
                # Whoever waits for the next group would wait for the same: tell them now.
                group += self._waiting
                self._waiting.clear()
            results = [error] * len(group)
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                continue  # its caller was cancelled
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
