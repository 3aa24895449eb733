"""THE state machine of a delivery: `advance` turns the outcome of an attempt into what happens next.

A delivery is waiting until it ends, and ends once: delivered, exhausted or cancelled. Only the receiver's failures
spend attempts. One that fails through a fault of ours again and again is quarantined: it is still owed, but never
due, until somebody sends it again (docs/adr/0033). `TRANSITIONS` is the whole table; `docs/architecture.md` shows
it and a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from outrider.domain.clock import HOUR, LATEST, MINUTE, SECOND


class Outcome(StrEnum):
    """What one attempt came to."""

    DELIVERED = "delivered"  # 2xx
    FAILED = "failed"  # the receiver's fault: spends an attempt
    GONE = "gone"  # 410: the receiver wants no more
    OURS = "ours"  # our fault: spends nothing
    STUCK = "stuck"  # our fault again and again, with this delivery alone: spends nothing
    CANCELLED = "cancelled"  # the webhook no longer exists


class Line(StrEnum):
    """What the ledger says of a delivery."""

    ATTEMPTED = "attempted"
    DEFERRED = "deferred"
    QUARANTINED = "quarantined"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"


ENDINGS = frozenset({Line.DELIVERED, Line.EXHAUSTED, Line.CANCELLED})

TRANSITIONS: dict[tuple[Outcome, bool], Line] = {
    # (outcome, attempts left after this one): the line written
    (Outcome.DELIVERED, True): Line.DELIVERED,
    (Outcome.DELIVERED, False): Line.DELIVERED,
    (Outcome.FAILED, True): Line.ATTEMPTED,
    (Outcome.FAILED, False): Line.EXHAUSTED,
    (Outcome.GONE, True): Line.EXHAUSTED,
    (Outcome.GONE, False): Line.EXHAUSTED,
    (Outcome.OURS, True): Line.DEFERRED,
    (Outcome.OURS, False): Line.DEFERRED,
    (Outcome.STUCK, True): Line.QUARANTINED,
    (Outcome.STUCK, False): Line.QUARANTINED,
    (Outcome.CANCELLED, True): Line.CANCELLED,
    (Outcome.CANCELLED, False): Line.CANCELLED,
}

NEVER = LATEST  # when a quarantined delivery is due

STANDARD_SCHEDULE = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
SVIX_SCHEDULE = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
)


class Policy(msgspec.Struct, frozen=True):
    """How to go on after a failure; all durations in milliseconds.

    `schedule` holds the waits between attempts, so there are `len(schedule) + 1` attempts.
    """

    schedule: tuple[int, ...] = STANDARD_SCHEDULE
    jitter: float = 0.2
    longest_retry_after: int = 24 * HOUR
    our_delay: int = 30 * SECOND


class Step(msgspec.Struct, frozen=True, gc=False):
    """What becomes of the delivery: the ledger line, attempts spent so far, and when it is due again."""

    line: Line
    attempts: int
    due: int | None

    @property
    def ended(self) -> bool:
        return self.line in ENDINGS

    @property
    def quarantined(self) -> bool:
        return self.due == NEVER


def advance(
    attempts: int, outcome: Outcome, now: int, policy: Policy, *, dice: float, retry_after: int | None = None
) -> Step:
    """The step after an attempt; `now` is steady time, and so is when the delivery is due.

    `attempts` were spent before it; `dice` in [0, 1) places the jitter; `retry_after` is the receiver's wish
    in milliseconds, honoured up to the policy's limit and never earlier than the schedule.
    """
    spent = attempts + (outcome in {Outcome.DELIVERED, Outcome.FAILED, Outcome.GONE})
    line = TRANSITIONS[outcome, spent <= len(policy.schedule)]
    if line in ENDINGS:
        return Step(line, spent, None)
    if line is Line.QUARANTINED:
        return Step(line, spent, NEVER)
    if line is Line.DEFERRED:
        return Step(line, spent, now + policy.our_delay)
    wait = round(policy.schedule[spent - 1] * (1 + policy.jitter * (2 * dice - 1)))
    if retry_after is not None:
        wait = max(wait, min(retry_after, policy.longest_retry_after))
    return Step(line, spent, now + wait)
