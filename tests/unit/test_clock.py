"""Steady time: it goes on whatever is done to the wall clock."""

from __future__ import annotations

import time

import pytest

from clocks import SetClock
from outrider.domain.clock import HOUR, SECOND, Anchor
from outrider.observe.clock import SystemClock
from outrider.ports.clock import moment


def test_a_process_goes_on_where_the_last_one_ended() -> None:
    assert Anchor(steady=5_000, wall=1_000_000).at(1_000_000 + HOUR) == 5_000 + HOUR


def test_a_clock_set_back_meanwhile_does_not_take_steady_time_back() -> None:
    assert Anchor(steady=5_000, wall=1_000_000).at(1_000_000 - HOUR) == 5_000


def test_drift_is_not_told() -> None:
    assert Anchor(10_000, 10_000 + SECOND - 1).ahead == 0
    assert Anchor(10_000, 10_000 + HOUR).ahead == -HOUR


def test_a_jump_is_what_the_clocks_do_not_share() -> None:
    clock = SetClock(10_000)
    before = moment(clock)
    clock.passed += 7_000
    assert before.jump(moment(clock)) == 0
    clock.wall -= HOUR
    assert before.jump(moment(clock)) == -HOUR


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="there is no such clock here")
def test_the_time_a_machine_is_suspended_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOCK_MONOTONIC stands still meanwhile, CLOCK_BOOTTIME does not."""
    suspended = 0
    real = time.clock_gettime_ns
    monkeypatch.setattr(time, "clock_gettime_ns", lambda kind: real(kind) + suspended)
    clock = SystemClock()
    assert abs(clock.steady() - clock.now()) <= SECOND
    clock.set_steady(5 * HOUR)
    suspended = HOUR * 1_000_000
    assert 0 <= clock.steady() - 6 * HOUR <= SECOND
