"""Retention goes by the wall clock, and a clock that was set wrong does not cost the past."""

from __future__ import annotations

import asyncio

import pytest

from clocks import SetClock
from outrider.dispatch.housekeeping import Housekeeping
from outrider.domain.clock import DAY, HOUR

NOW = 1_767_225_600_000
RETENTION = 30 * DAY


class Upkeep:
    def __init__(self) -> None:
        self.oldest: list[int | None] = []

    async def tend(self, oldest: int | None) -> None:
        self.oldest.append(oldest)

    async def warnings(self) -> list[str]:
        return []


def test_nothing_is_dropped_for_a_day_when_the_clock_was_set_forward(caplog: pytest.LogCaptureFixture) -> None:
    clock, upkeep = SetClock(NOW), Upkeep()
    service = Housekeeping(None, upkeep, clock, RETENTION)

    async def play() -> None:
        await service.tend()
        clock.passed += HOUR
        clock.wall += 400 * DAY
        for _ in range(25):
            await service.tend()
            clock.passed += HOUR

    asyncio.run(play())
    assert upkeep.oldest[0] == NOW - RETENTION
    assert upkeep.oldest[1:25] == [None] * 24
    assert upkeep.oldest[25] == NOW + 400 * DAY + 25 * HOUR - RETENTION
    assert sum("nothing is dropped for a day" in r.getMessage() for r in caplog.records) == 1


@pytest.mark.parametrize("jump", [0, -400 * DAY])
def test_otherwise_it_goes_on(jump: int) -> None:
    clock, upkeep = SetClock(NOW), Upkeep()
    service = Housekeeping(None, upkeep, clock, RETENTION)
    asyncio.run(service.tend())
    clock.passed += HOUR
    clock.wall += jump
    asyncio.run(service.tend())
    assert upkeep.oldest == [NOW - RETENTION, NOW + HOUR + jump - RETENTION]
