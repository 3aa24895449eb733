"""The real clock and real randomness."""

from __future__ import annotations

import os
import random
import sys
import time

FETCH = 4096
SMALL = 10


class SystemClock:
    """Steady time is that of CLOCK_BOOTTIME, which goes on while the machine is suspended, where there is one."""

    def __init__(self) -> None:
        self._base = time.time_ns() - _elapsed()

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> int:
        return (self._base + _elapsed()) // 1_000_000

    def set_steady(self, at: int) -> None:
        self._base = at * 1_000_000 - _elapsed()


if sys.platform == "linux":

    def _elapsed() -> int:
        """Nanoseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
else:

    def _elapsed() -> int:
        """Nanoseconds. Time a machine is suspended may be missing."""
        return time.monotonic_ns()


class SystemEntropy:
    """Bytes of the system's generator, fetched many at a time: each fetch is a system call."""

    def __init__(self) -> None:
        self._fetched = b""
        self._used = 0

    def bytes(self, count: int) -> bytes:
        if count > SMALL:
            return os.urandom(count)  # keys and secrets leave no copy in a buffer
        start, self._used = self._used, self._used + count
        if self._used > len(self._fetched):
            self._fetched, start, self._used = os.urandom(max(FETCH, count)), 0, count
        return self._fetched[start : self._used]

    def dice(self) -> float:
        return random.random()  # noqa: S311 - jitter, not a secret
