"""The circuit breaker of one webhook, pure: what its receiver's answers say about sending more.

Closed: send. Open: the receiver is down; nothing is claimed until a probe may go. Half open: probes succeed, so
the number of attempts at a time doubles with each success until the circuit closes. Waiting spends no attempt.

A webhook is given up after five days of nothing but failures, with a failure on every one of them: two failures
with days between them in which nothing was sent are no evidence. Every `now` is steady time (docs/adr/0032).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from outrider.domain.clock import DAY, MINUTE, SECOND


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Sign(StrEnum):
    """What one attempt says of the receiver."""

    WELL = "well"  # 2xx
    UNWILLING = "unwilling"  # it answers, but refuses this request: any other status below 500 but 408 and 429
    DOWN = "down"  # no answer, 5xx, 408 or 429


class Health(msgspec.Struct, frozen=True):
    """What is known of a webhook's receiver; survives a restart. Instants in milliseconds of steady time.

    `run_since` begins a run of spans of 24 hours without a gap: the spans 0 to `run_days` each had a failure, and
    none a success. `run_enabled` is the instant the webhook had been enabled at, `opened_for` the one it had been
    modified at when the circuit opened: they tell whether that has changed since, whatever the clocks say.
    """

    circuit: Circuit = Circuit.CLOSED
    failures: int = 0  # signs of DOWN in a row
    failing_since: int | None = None  # first attempt without 2xx since the last one with
    opened: int | None = None
    probe: int | None = None  # while open: when one attempt may go
    trips: int = 0  # openings since the circuit was last closed
    allowance: int = 0  # while half open: attempts at a time
    run_since: int | None = None
    run_days: int = 0
    run_enabled: int | None = None
    opened_for: int | None = None


class Rules(msgspec.Struct, frozen=True):
    """When to open, how long to wait (milliseconds), when to close, when to give a webhook up."""

    failures: int = 10
    pause: int = 10 * SECOND
    longest_pause: int = 5 * MINUTE
    close_at: int = 32
    give_up_days: int = 5


_CLOSED: dict[str, Any] = {
    "circuit": Circuit.CLOSED,
    "failures": 0,
    "opened": None,
    "probe": None,
    "trips": 0,
    "allowance": 0,
    "opened_for": None,
}


def observe(
    health: Health, sign: Sign, now: int, rules: Rules, *, dice: float, enabled: int, modified: int
) -> Health:
    """The health after an attempt for a webhook that was last `enabled` and `modified` then.

    `dice` in [0, 1) shortens the pause by up to a fifth, so probes spread.
    """
    if sign is not Sign.WELL:
        health = _failed(health, now, enabled)
    if sign is Sign.DOWN:
        return _down(health, now, rules, dice, modified)
    # What a receiver that answers keeps of the past: that it fails, if it does.
    rest = Health() if sign is Sign.WELL else replace(health, **_CLOSED)
    if health.circuit is Circuit.CLOSED:
        return rest
    allowance = max(1, health.allowance) * 2
    if allowance >= rules.close_at:
        return rest
    return replace(rest, circuit=Circuit.HALF_OPEN, opened=health.opened, trips=health.trips, allowance=allowance)


def allowed(health: Health, now: int, modified: int, rules: Rules) -> int | None:
    """How many attempts may be under way; None when the circuit does not limit them.

    A webhook that was modified since its circuit opened may be probed at once. Nothing can keep a circuit open
    beyond the longest pause.
    """
    if health.circuit is Circuit.CLOSED:
        return None
    if health.circuit is Circuit.HALF_OPEN:
        return health.allowance
    probe = health.probe or 0
    changed = health.opened_for is not None and modified != health.opened_for
    due = probe <= now or changed or probe - now > rules.longest_pause
    return 1 if due else 0


def given_up(health: Health, rules: Rules) -> bool:
    """Whether the webhook has done nothing but fail for too long."""
    return health.run_days >= rules.give_up_days


def _failed(health: Health, now: int, enabled: int) -> Health:
    """The run goes on when this failure is in its last span or in the next one; otherwise nothing was tried for a
    day at least, or the webhook was enabled again, and a new run begins."""
    since = now if health.failing_since is None else health.failing_since
    day = -1 if health.run_since is None else (now - health.run_since) // DAY
    if health.run_enabled != enabled or not 0 <= day <= health.run_days + 1:
        return replace(health, failing_since=since, run_since=now, run_days=0, run_enabled=enabled)
    return replace(health, failing_since=since, run_days=max(day, health.run_days))


def _down(health: Health, now: int, rules: Rules, dice: float, modified: int) -> Health:
    failures = health.failures + 1
    trips = health.trips
    early = health.circuit is Circuit.OPEN and (health.probe or 0) > now
    late = early and health.opened_for in {None, modified}  # launched before the circuit opened
    opens = health.circuit is not Circuit.CLOSED or failures >= rules.failures
    if late or not opens:
        return replace(health, failures=failures)
    pause = min(rules.pause << min(trips, 20), rules.longest_pause)
    probe = now + round(pause * (1 - 0.2 * dice))
    return replace(
        health,
        circuit=Circuit.OPEN,
        failures=failures,
        opened=now,
        probe=probe,
        trips=trips + 1,
        allowance=0,
        opened_for=modified,
    )
