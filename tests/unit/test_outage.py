"""What is logged of something that fails again and again."""

from __future__ import annotations

from outrider.domain.outage import CALM_S, MOST_REASONS, Outage


def test_a_line_when_it_begins_one_a_minute_and_one_when_it_ends() -> None:
    outage = Outage()
    told = [outage.failed("away", at / 100) for at in range(15_001)]  # 150 s, 100 a second
    assert [line for line in told if line] == ["away", "away (6001 times in 60 s)", "away (12001 times in 120 s)"]
    assert outage.worked(lambda: 150.0 + CALM_S) == "after 150 s and 15001 failures"
    assert outage.worked(lambda: 200.0) is None
    assert outage.failed("away", 201.0) == "away"


def test_another_reason_is_told_but_not_any_number_of_them() -> None:
    outage = Outage()
    told = [outage.failed(f"reason {number}", 0.0) for number in range(100)]
    assert sum(line is not None for line in told) == MOST_REASONS
    assert outage.failed("reason 1", 1.0) is None


def test_what_works_now_and_then_has_not_ended() -> None:
    outage = Outage()
    lines = []
    for second in range(50):
        lines += [outage.failed("full", float(second)), outage.worked(lambda at=second: at + 0.5)]
    assert [line for line in lines if line] == ["full"]


def test_while_all_is_well_the_clock_is_not_asked() -> None:
    def clock() -> float:
        raise AssertionError

    assert Outage().worked(clock) is None
