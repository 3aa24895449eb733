"""Requests that arrive together are not begun together: each turn of the event loop has time for some of them."""

from __future__ import annotations

import asyncio
from time import perf_counter

LONGEST_S = 0.01  # in one turn, of requests that begin; the last of them may take longer


class Turn:
    """What requests have used of the loop's present turn. One for the whole process."""

    def __init__(self) -> None:
        self._begun = False
        self._end = 0.0

    async def begin(self) -> None:
        """Returns in a turn that has time left; whoever came first is first."""
        while self.is_over():  # noqa: ASYNC110 - the next turn is what is waited for
            await asyncio.sleep(0)

    def is_over(self) -> bool:
        now = perf_counter()
        if not self._begun:
            self._begun = True
            self._end = now + LONGEST_S
            asyncio.get_running_loop().call_soon(self._next)
        return now > self._end

    def _next(self) -> None:
        self._begun = False
