"""When a delivery is quarantined: the fault is with it alone."""

from __future__ import annotations

from itertools import pairwise

from outrider.domain.clock import MINUTE, SECOND
from outrider.domain.faults import KEPT, MOST, OVER, TIMES, Faults

EVERY = 30 * SECOND
LONG = 100


def failing(faults: Faults, delivery: str, times: int, start: int = 0) -> list[int]:
    """The failures, counted from 1, that quarantined it."""
    return [n + 1 for n in range(times) if faults.failed(delivery, start + n * EVERY)]


def test_one_that_fails_alone_is_quarantined_after_five_times() -> None:
    assert failing(Faults(), "d", TIMES) == [TIMES]


def test_not_in_less_than_two_minutes() -> None:
    faults = Faults()
    assert not any(faults.failed("d", now) for now in range(LONG))
    assert faults.failed("d", OVER)


def test_what_fails_everywhere_quarantines_nothing() -> None:
    faults = Faults()
    for n in range(LONG):
        assert not faults.failed("a", n * EVERY)
        assert not faults.failed("b", n * EVERY)


def test_a_few_are_quarantined_while_others_get_through() -> None:
    faults = Faults()
    for n in range(TIMES - 1):
        assert not faults.failed("a", n * EVERY)
        assert not faults.failed("b", n * EVERY)
    faults.through("c", (TIMES - 1) * EVERY - 1)
    assert faults.failed("a", (TIMES - 1) * EVERY)
    assert faults.failed("b", (TIMES - 1) * EVERY)


def test_what_got_through_before_the_first_failure_says_nothing() -> None:
    faults = Faults()
    faults.through("c", 0)
    for n in range(1, LONG):
        assert not faults.failed("a", n * EVERY)
        assert not faults.failed("b", n * EVERY)


def test_one_that_gets_through_is_forgiven() -> None:
    faults = Faults()
    failing(faults, "d", TIMES - 1)
    faults.through("d", TIMES * EVERY)
    assert not faults.any
    assert failing(faults, "d", TIMES, start=TIMES * EVERY) == [TIMES]


def test_one_that_was_released_counts_from_nothing() -> None:
    faults = Faults()
    assert failing(faults, "d", TIMES) == [TIMES]
    assert failing(faults, "d", TIMES, start=TIMES * EVERY) == [TIMES]


def test_the_next_in_order_is_not_quarantined_at_once_when_everything_fails() -> None:
    """Where one waits behind the other only one fails at a time, and each looks like the only one."""
    faults, now, quarantined = Faults(), 0, []
    for number in range(6):
        delivery = f"d{number}"
        while not faults.failed(delivery, now):
            now += EVERY
        quarantined.append(now)
        now += EVERY
    apart = [later - earlier for earlier, later in pairwise(quarantined)]
    assert min(apart) >= KEPT


def test_what_is_remembered_is_bounded() -> None:
    faults = Faults()
    for number in range(MOST + LONG):
        faults.failed(f"d{number}", 0)
    assert len(faults._failed) == MOST
    faults.failed("later", KEPT + MINUTE)
    assert len(faults._failed) == 1
