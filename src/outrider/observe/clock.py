"""The real clock and real randomness."""

from __future__ import annotations

import os
import random
import time


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


class SystemEntropy:
    def bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def dice(self) -> float:
        return random.random()  # noqa: S311 - jitter, not a secret
