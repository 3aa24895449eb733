"""The circuit breaker of one webhook, pure: what its receiver's answers say about sending more.

Closed: send. Open: the receiver is down; nothing is claimed until a probe may go. Half open: probes succeed, so
the number of attempts at a time doubles with each success until the circuit closes. Waiting spends no attempt.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

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
    """What is known of a webhook's receiver; survives a restart. Instants in milliseconds."""

    circuit: Circuit = Circuit.CLOSED
    failures: int = 0  # signs of DOWN in a row
    failing_since: int | None = None  # first attempt without 2xx since the last one with
    opened: int | None = None
    probe: int | None = None  # while open: when one attempt may go
    trips: int = 0  # openings since the circuit was last closed
    allowance: int = 0  # while half open: attempts at a time


class Rules(msgspec.Struct, frozen=True):
    """When to open, how long to wait (milliseconds), when to close, when to give a webhook up."""

    failures: int = 10
    pause: int = 10 * SECOND
    longest_pause: int = 5 * MINUTE
    close_at: int = 32
    give_up_after: int = 5 * DAY


def observe(health: Health, sign: Sign, now: int, rules: Rules, *, dice: float) -> Health:
    """The health after an attempt. `dice` in [0, 1) shortens the pause by up to a fifth, so probes spread."""
    if sign is Sign.DOWN:
        return _down(health, now, rules, dice)
    failing_since = None if sign is Sign.WELL else _first(health.failing_since, now)
    if health.circuit is Circuit.CLOSED:
        return Health(failing_since=failing_since)
    allowance = max(1, health.allowance) * 2
    if allowance >= rules.close_at:
        return Health(failing_since=failing_since)
    return Health(Circuit.HALF_OPEN, 0, failing_since, health.opened, None, health.trips, allowance)


def allowed(health: Health, now: int, changed: int, rules: Rules) -> int | None:
    """How many attempts may be under way; None when the circuit does not limit them.

    A webhook `changed` since its circuit opened may be probed at once. A clock that was set back cannot keep a
    circuit open beyond the longest pause.
    """
    if health.circuit is Circuit.CLOSED:
        return None
    if health.circuit is Circuit.HALF_OPEN:
        return health.allowance
    opened, probe = health.opened or 0, health.probe or 0
    due = probe <= now or changed > opened or probe - now > rules.longest_pause
    return 1 if due else 0


def given_up(health: Health, now: int, enabled: int, rules: Rules) -> bool:
    """Whether a webhook enabled at `enabled` has done nothing but fail for too long."""
    return health.failing_since is not None and now - max(health.failing_since, enabled) >= rules.give_up_after


def _down(health: Health, now: int, rules: Rules, dice: float) -> Health:
    failures = health.failures + 1
    since = _first(health.failing_since, now)
    trips = health.trips
    late = health.circuit is Circuit.OPEN and (health.probe or 0) > now  # launched before the circuit opened
    opens = health.circuit is not Circuit.CLOSED or failures >= rules.failures
    if late or not opens:
        return msgspec.structs.replace(health, failures=failures, failing_since=since)
    pause = min(rules.pause << min(trips, 20), rules.longest_pause)
    probe = now + round(pause * (1 - 0.2 * dice))
    return Health(Circuit.OPEN, failures, since, now, probe, trips + 1)


def _first(since: int | None, now: int) -> int:
    return now if since is None else since
