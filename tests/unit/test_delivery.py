"""The state machine, exhaustively."""

from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.clock import DAY, HOUR, SECOND
from outrider.domain.delivery import ENDINGS, STANDARD_SCHEDULE, TRANSITIONS, Line, Outcome, Policy, advance

POLICY = Policy()


def test_every_outcome_has_a_line() -> None:
    assert set(TRANSITIONS) == {(outcome, left) for outcome in Outcome for left in (True, False)}


@given(st.integers(0, 9), st.sampled_from(Outcome), st.floats(0, 1, exclude_max=True))
def test_a_step_either_ends_or_is_due_later(attempts: int, outcome: Outcome, dice: float) -> None:
    step = advance(attempts, outcome, 1_000, POLICY, dice=dice)
    assert step.ended == (step.due is None) == (step.line in ENDINGS)
    assert step.due is None or step.due > 1_000


@given(st.integers(0, 9), st.floats(0, 1, exclude_max=True))
def test_our_faults_spend_nothing(attempts: int, dice: float) -> None:
    step = advance(attempts, Outcome.OURS, 0, POLICY, dice=dice)
    assert (step.attempts, step.line) == (attempts, Line.DEFERRED)


def test_ten_failures_exhaust_the_standard_schedule() -> None:
    attempts, now, waits = 0, 0, []
    while True:
        step = advance(attempts, Outcome.FAILED, now, POLICY, dice=0.5)
        attempts = step.attempts
        if step.due is None:
            break
        waits.append(step.due - now)
        now = step.due
    assert waits == list(STANDARD_SCHEDULE)
    assert (attempts, step.line) == (10, Line.EXHAUSTED)


@given(st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(dice: float) -> None:
    due = advance(0, Outcome.FAILED, 0, POLICY, dice=dice).due
    assert due is not None
    assert 4 * SECOND <= due <= 6 * SECOND


def test_retry_after_only_delays_and_has_a_limit() -> None:
    def due(wish: int) -> int | None:
        return advance(0, Outcome.FAILED, 0, POLICY, dice=0.5, retry_after=wish).due

    assert due(0) == 5 * SECOND
    assert due(HOUR) == HOUR
    assert due(30 * DAY) == DAY


def test_an_empty_schedule_means_one_attempt() -> None:
    assert advance(0, Outcome.FAILED, 0, Policy(schedule=()), dice=0.5).line is Line.EXHAUSTED
