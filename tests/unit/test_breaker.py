"""The circuit breaker: when it opens, what it lets through, how it closes; and giving up."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.breaker import Circuit, Health, Rules, Sign, allowed, given_up, observe
from outrider.domain.clock import DAY, HOUR
from outrider.domain.delivery import STANDARD_SCHEDULE

RULES = Rules()


def observed(
    health: Health, sign: Sign, now: int, *, dice: float = 0.0, enabled: int = 0, modified: int = 0
) -> Health:
    return observe(health, sign, now, RULES, dice=dice, enabled=enabled, modified=modified)


def after(*signs: Sign, health: Health | None = None, now: int = 0) -> Health:
    health = health or Health()
    for sign in signs:
        health = observed(health, sign, now)
    return health


def failing(*instants: float, health: Health | None = None, enabled: int = 0) -> Health:
    """After a failure at each of these."""
    health = health or Health()
    for at in instants:
        health = observed(health, Sign.DOWN, round(at), enabled=enabled)
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
    assert allowed(opened, 1, 1, RULES) == 1  # the webhook was modified since
    assert allowed(Health(), 0, 0, RULES) is None


def test_nothing_keeps_it_open_beyond_the_longest_pause() -> None:
    opened = after(*[Sign.DOWN] * 10, now=DAY)
    assert allowed(opened, 0, 0, RULES) == 1


def test_a_modified_webhook_is_probed_at_once_and_only_once() -> None:
    """Whether it was modified does not depend on a clock: the instant it was modified at may be earlier than that
    it was opened at, when the wall clock was set back."""
    opened = failing(*range(10), health=Health())
    assert allowed(opened, 20, -HOUR, RULES) == 1
    again = observed(opened, Sign.DOWN, 21, modified=-HOUR)
    assert allowed(again, 22, -HOUR, RULES) == 0
    assert again.probe is not None
    assert again.probe > 21


def test_pauses_double_up_to_the_longest() -> None:
    health, now, pauses = after(*[Sign.DOWN] * 10), 0, []
    for _ in range(8):
        now = health.probe or 0
        health = observed(health, Sign.DOWN, now)
        pauses.append((health.probe or 0) - now)
    assert pauses[:3] == [2 * RULES.pause, 4 * RULES.pause, 8 * RULES.pause]
    assert pauses[-1] == RULES.longest_pause


def test_attempts_launched_before_it_opened_do_not_lengthen_the_pause() -> None:
    opened = after(*[Sign.DOWN] * 10)
    assert observed(opened, Sign.DOWN, 1).probe == opened.probe


def test_successes_double_the_allowance_until_it_closes() -> None:
    health, seen = after(*[Sign.DOWN] * 10), []
    while health.circuit is not Circuit.CLOSED:
        health = observed(health, Sign.WELL, RULES.pause)
        seen.append(allowed(health, RULES.pause, 0, RULES))
    assert seen == [2, 4, 8, 16, None]
    assert health == Health()


def test_nothing_but_failures_for_five_days_give_it_up() -> None:
    hourly = [hour * HOUR for hour in range(5 * 24)]
    assert not given_up(failing(*hourly), RULES)
    assert not given_up(failing(*hourly, 5 * DAY - 1), RULES)
    assert given_up(failing(*hourly, 5 * DAY), RULES)
    unwilling = failing(*hourly)
    assert given_up(observed(unwilling, Sign.UNWILLING, 5 * DAY), RULES)


WEEKLY = [week * 7 * DAY + wait for week in range(10) for wait in accumulate((0, *STANDARD_SCHEDULE))]
A_FAILING_DAY = [hour * HOUR for hour in range(24)]


@pytest.mark.parametrize(
    "instants",
    [
        (0, 6 * DAY),
        (0, 5_000, 10 * DAY, 10 * DAY + 5_000),  # the process was off between
        WEEKLY,  # one event a week, and its retries
        (*A_FAILING_DAY, 31 * DAY, 31 * DAY + HOUR),  # the clock was set while the process was off
        (0, DAY, 2 * DAY, 4 * DAY, 5 * DAY, 6 * DAY),  # a day without an attempt
        (*A_FAILING_DAY, *(60 * DAY + at for at in A_FAILING_DAY)),
    ],
    ids=["two", "off", "weekly", "jump", "gap", "two-days"],
)
def test_failures_with_gaps_between_them_are_no_evidence(instants: Iterable[float]) -> None:
    health = Health()
    for at in instants:
        health = failing(at, health=health)
        assert not given_up(health, RULES)
    assert health.failing_since == 0  # that it fails since then is true all the same


@given(st.lists(st.floats(0, 3 * DAY), max_size=40))
def test_given_up_means_a_failure_on_each_of_five_days_and_one_after(waits: list[float]) -> None:
    health, instants = Health(), [round(at) for at in accumulate(waits)]
    for count, at in enumerate(instants, 1):
        health = failing(at, health=health)
        if given_up(health, RULES):
            days = {(seen - health.run_since) // DAY for seen in instants[:count] if seen >= health.run_since}
            assert days >= set(range(6))


def test_a_success_begins_anew() -> None:
    failed = failing(*range(0, 4 * DAY, HOUR))
    assert failed.run_days == 3
    well = observed(failed, Sign.WELL, 4 * DAY)
    assert (well.failing_since, well.run_since, well.run_days) == (None, None, 0)
    assert not given_up(failing(4 * DAY + 1, 5 * DAY, 6 * DAY, health=well), RULES)


def test_enabling_begins_anew_whatever_the_clock_says() -> None:
    failed = failing(*range(0, 4 * DAY, HOUR), enabled=7)
    assert failed.run_days == 3
    assert failing(4 * DAY, health=failed, enabled=5).run_days == 0
    assert failing(4 * DAY, health=failed, enabled=7).run_days == 4


def test_a_health_of_an_earlier_version_begins_anew() -> None:
    """It said since when the webhook fails, and not on which days."""
    document = {"circuit": "closed", "failures": 3, "failing_since": 0, "opened": None, "probe": None, "trips": 0}
    health = msgspec.msgpack.decode(msgspec.msgpack.encode(document), type=Health)
    health = failing(30 * DAY, health=health)
    assert (given_up(health, RULES), health.failing_since, health.run_since) == (False, 0, 30 * DAY)


@given(st.lists(st.tuples(st.sampled_from(Sign), st.integers(0, 400_000)), max_size=60), st.floats(0, 0.999))
def test_whatever_happens_a_probe_is_never_far(history: list[tuple[Sign, int]], dice: float) -> None:
    health, now = Health(), 0
    for sign, wait in history:
        now += wait
        health = observed(health, sign, now, dice=dice)
        if health.circuit is Circuit.OPEN:
            assert health.probe is not None
            assert health.probe <= now + RULES.longest_pause
            assert allowed(health, health.probe, 0, RULES) == 1
        if sign is Sign.WELL:
            assert health.failing_since is None
            assert health.circuit is not Circuit.OPEN
