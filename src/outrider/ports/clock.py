"""Time and randomness, handed in so that the engine runs under a simulated clock."""

from __future__ import annotations

from typing import Protocol

from outrider.domain.clock import Anchor


class Clock(Protocol):
    def now(self) -> int:
        """Wall time: milliseconds since the epoch, UTC. It can be set, so nothing is waited for by it."""
        ...

    def steady(self) -> int:
        """Steady time in milliseconds: it begins as wall time and is never set, also not from one process to the
        next on the same store. The time a machine is suspended counts."""
        ...

    def set_steady(self, at: int) -> None:
        """Steady time is `at` now: the store's, which was steady before this process was."""
        ...


def moment(clock: Clock) -> Anchor:
    """Now, on both clocks."""
    return Anchor(clock.steady(), clock.now())


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        ...

    def dice(self) -> float:
        """A number in [0, 1); need not be unpredictable."""
        ...
