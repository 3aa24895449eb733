"""Time and randomness, handed in so that the engine runs under a simulated clock."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        ...

    def dice(self) -> float:
        """A number in [0, 1); need not be unpredictable."""
        ...
