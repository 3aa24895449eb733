"""Clocks for tests: time passes, and the wall clock is set, when a test says so."""

from __future__ import annotations


class SetClock:
    """`ports.clock.Clock`. `passed` milliseconds have passed; `wall` is how far ahead of them the wall clock is."""

    def __init__(self, now: int = 0) -> None:
        self.passed = 0
        self.wall = now
        self._base = now

    def now(self) -> int:
        return self.wall + self.passed

    def steady(self) -> int:
        return self._base + self.passed

    def set_steady(self, at: int) -> None:
        self._base = at - self.passed
