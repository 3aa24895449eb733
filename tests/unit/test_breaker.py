"""The circuit breaker: when it opens, what it lets through, how it closes; and giving up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.breaker import Circuit, Health, Rules, Sign, allowed, given_up, observe
from outrider.domain.clock import DAY

RULES = Rules()


def after(*signs: Sign, health: Health | None = None, now: int = 0, dice: float = 0.0) -> Health:
    health = health or Health()
    for sign in signs:
        health = observe(health, sign, now, RULES, dice=dice)
    return health


def test_ten_failures_in_a_row_open_it() -> None:
    assert after(*[Sign.DOWN] * 9).circuit is Circuit.CLOSED
    opened = after(*[Sign.DOWN] * 10, now=5)
    assert (opened.circuit, opened.opened, opened.probe) == (Circuit.OPEN, 5, 5 + RULES.pause)
    assert after(*[Sign.DOWN] * 9, Sign.UNWILLING, *[Sign.DOWN] * 9).circuit is Circuit.CLOSED


def test_while_open_nothing_goes_until_a_probe_may() -> None:
    opened = after(*[Sign.DOWN] * 10)
    assert allowed(opened, RULES.pause - 1, 0, RULES) == 0
    assert allowed(opened, RULES.pause, 0, RULES) == 1
    assert allowed(opened, 1, 1, RULES) == 1  # the webhook was changed since
    assert allowed(Health(), 0, 0, RULES) is None


def test_a_clock_set_back_does_not_keep_it_open() -> None:
    opened = after(*[Sign.DOWN] * 10, now=DAY)
    assert allowed(opened, 0, 0, RULES) == 1


def test_pauses_double_up_to_the_longest() -> None:
    health, now, pauses = after(*[Sign.DOWN] * 10), 0, []
    for _ in range(8):
        now = health.probe or 0
        health = observe(health, Sign.DOWN, now, RULES, dice=0.0)
        pauses.append((health.probe or 0) - now)
    assert pauses[:3] == [2 * RULES.pause, 4 * RULES.pause, 8 * RULES.pause]
    assert pauses[-1] == RULES.longest_pause


def test_attempts_launched_before_it_opened_do_not_lengthen_the_pause() -> None:
    opened = after(*[Sign.DOWN] * 10)
    assert observe(opened, Sign.DOWN, 1, RULES, dice=0.0).probe == opened.probe


def test_successes_double_the_allowance_until_it_closes() -> None:
    health, seen = after(*[Sign.DOWN] * 10), []
    while health.circuit is not Circuit.CLOSED:
        health = observe(health, Sign.WELL, RULES.pause, RULES, dice=0.0)
        seen.append(allowed(health, RULES.pause, 0, RULES))
    assert seen == [2, 4, 8, 16, None]
    assert health == Health()


@pytest.mark.parametrize(("days", "enabled", "expected"), [(4.9, 0, False), (5, 0, True), (5, DAY, False)])
def test_only_failures_for_five_days_give_it_up(days: float, enabled: int, expected: bool) -> None:
    health = after(Sign.DOWN, Sign.UNWILLING)
    assert given_up(health, round(days * DAY), enabled, RULES) is expected
    assert not given_up(after(Sign.DOWN, Sign.WELL), 9 * DAY, 0, RULES)


@given(st.lists(st.tuples(st.sampled_from(Sign), st.integers(0, 400_000)), max_size=60), st.floats(0, 0.999))
def test_whatever_happens_a_probe_is_never_far(history: list[tuple[Sign, int]], dice: float) -> None:
    health, now = Health(), 0
    for sign, wait in history:
        now += wait
        health = observe(health, sign, now, RULES, dice=dice)
        if health.circuit is Circuit.OPEN:
            assert health.probe is not None
            assert health.probe <= now + RULES.longest_pause
            assert allowed(health, health.probe, 0, RULES) == 1
        if sign is Sign.WELL:
            assert health.failing_since is None
            assert health.circuit is not Circuit.OPEN
