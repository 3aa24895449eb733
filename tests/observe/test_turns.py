"""Turns of the loop: long ones are seen, by what they compute, and named."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest

from outrider.observe.turns import TurnWatch
from outrider.ports.system import TurnsSeen


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def watched(work: Callable[[], None], watch: TurnWatch | None = None) -> TurnsSeen:
    watch = watch or TurnWatch()

    async def run() -> TurnsSeen:
        watch.start()
        await asyncio.sleep(0.05)
        work()
        await asyncio.sleep(0.05)
        seen = watch.seen()
        watch.stop()
        watch.stop()
        return seen

    return asyncio.run(run())


def secret_work_of_a_long_turn(value: str = "hunter2") -> None:
    compute(0.2)


def test_a_long_turn_is_measured_and_named(caplog: pytest.LogCaptureFixture) -> None:
    seen = watched(secret_work_of_a_long_turn)
    assert 190 <= seen.longest_ms <= 260
    assert seen.longest_last_minute_ms == seen.longest_ms
    assert seen.p999_ms >= 190
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "secret_work_of_a_long_turn (observe/test_turns.py:" in told
    assert "hunter2" not in told


def test_who_only_waits_has_computed_nothing(caplog: pytest.LogCaptureFixture) -> None:
    seen = watched(lambda: time.sleep(0.2))
    assert seen.longest_ms < 50
    assert not caplog.records


def test_short_turns_are_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    seen = watched(lambda: compute(0.005))
    assert seen.longest_ms < 50
    assert not caplog.records


def test_warnings_are_few(caplog: pytest.LogCaptureFixture) -> None:
    watch = TurnWatch()

    async def run() -> None:
        watch.start()
        for _ in range(5):
            compute(0.08)
            await asyncio.sleep(0.03)
        watch.stop()

    asyncio.run(run())
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_the_share_of_moments() -> None:
    watch = TurnWatch()
    watch._counts[0], watch._counts[30], watch._counts[80] = 9_980, 15, 5
    assert watch._share(0.999) == 31
    assert watch._share(0.9999) == 81
    assert watch._share(0.5) == 0
