"""What is logged of something that fails again and again: a line when it begins, one a minute, one when it ends."""

from __future__ import annotations

from collections.abc import Callable

AGAIN_S = 60.0
CALM_S = 3.0  # without a failure: what works now and then has not ended
MOST_REASONS = 8


class Outage:
    """Of one thing that is tried again and again. Instants are seconds of a clock that does not jump."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._last = 0.0
        self._told = 0.0
        self._count = 0
        self._reasons: set[str] = set()

    def failed(self, reason: str, now: float) -> str | None:
        """What to log of it, None for nothing: it was told within the last minute."""
        if self._began is None:
            self._began, self._count = now, 0
            self._reasons.clear()
        self._count += 1
        self._last = now
        new = reason not in self._reasons and len(self._reasons) < MOST_REASONS
        if not new and now - self._told < AGAIN_S:
            return None
        self._reasons.add(reason)
        self._told = now
        lasting = f" ({self._count} times in {now - self._began:.0f} s)" if self._count > 1 else ""
        return reason + lasting

    def worked(self, clock: Callable[[], float]) -> str | None:
        """What to log of its end, None for nothing. While all is well the clock is not asked."""
        if self._began is None or clock() - self._last < CALM_S:
            return None
        told = f"after {self._last - self._began:.0f} s and {self._count} failures"
        self._began = None
        return told
