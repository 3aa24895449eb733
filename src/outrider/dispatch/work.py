"""The workbench: one thread for what would keep the event loop busy for too long; tenants take turns.

The interpreter lets one thread compute at a time. While there is work it changes between them every millisecond, so
a long piece makes the loop slower but does not stop it; RE2 computes beside it. One thread and no more: with
several, the loop would get its turn less often.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from outrider.domain.errors import Overloaded

T = TypeVar("T")
SWITCH_S = 0.001  # while there is work, after which it lets the loop have the interpreter; 5 ms otherwise
WAITING = 2_000  # pieces of work of a tenant; more are refused

_Piece = tuple[Callable[[], Any], asyncio.Future[Any]]


class Workbench:
    """Implements `ports.work.Work`. The thread is started by the first piece of work."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Piece]] = {}  # by tenant, in the order of their turns
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="workbench")
        self._working: asyncio.Task[None] | None = None

    async def run(self, tenant: str, work: Callable[[], T]) -> T:
        line = self._waiting.setdefault(tenant, deque())
        if len(line) >= WAITING:
            raise Overloaded("too much work of this tenant is waiting")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        line.append((work, outcome))
        if self._working is None:
            self._working = loop.create_task(self._work_all())
        return await outcome

    def close(self) -> None:
        """Waits for the piece that has begun; others are dropped, because nobody is left to wait for them."""
        self._waiting.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _work_all(self) -> None:
        loop = asyncio.get_running_loop()
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            while self._waiting:
                work, outcome = self._next()
                if outcome.done():
                    continue  # its caller was cancelled
                try:
                    result = await loop.run_in_executor(self._thread, work)
                except Exception as error:
                    if not outcome.done():
                        outcome.set_exception(error)
                else:
                    if not outcome.done():
                        outcome.set_result(result)
        finally:
            sys.setswitchinterval(usual)
            self._working = None

    def _next(self) -> _Piece:
        """The next tenant's first piece; that tenant goes to the end of the line."""
        tenant, line = next(iter(self._waiting.items()))
        piece = line.popleft()
        del self._waiting[tenant]
        if line:
            self._waiting[tenant] = line
        return piece
