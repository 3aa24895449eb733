"""Token buckets: how often something may happen. Time is a monotonic clock's seconds."""

from __future__ import annotations


class TokenBucket:
    """Holds up to `burst` tokens and gains `rate` a second; starts full."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until a whole token is there; 0 when one is there now."""
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        # A wait below a microsecond would round to none and spin.
        return 0.0 if self._tokens >= 1 - 1e-6 else (1 - self._tokens) / self.rate

    def take(self) -> None:
        """Use up one token; only after `wait` returned 0."""
        self._tokens -= 1

    def give_back(self) -> None:
        self._tokens = min(self.burst, self._tokens + 1)
