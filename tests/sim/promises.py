"""DESIGN's promises as questions to a simulated history; each answer is a list of sentences, empty when kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from outrider.domain.clock import MINUTE, SECOND
from sim.world import World

RETRY_AFTER = 30 * SECOND  # what the simulated network asks for
# A store that is away for five minutes, polls ten minutes apart, and a process that died just before the database's
# clock was set back: it is given up when that clock says three beats more than its last one, so after six at most.
SLACK = 95 * MINUTE
Promise = Callable[[World], list[str]]


def nothing_is_lost(world: World) -> list[str]:
    """Every accepted event is owed to every webhook; every delivery ends, unless its webhook is disabled."""
    owed = {(row.webhook, row.event) for row in world.rows}
    lost = [f"{e} was never owed to {h}" for h in world.hosts for e in world.accepted if (h, e) not in owed]
    waiting = [r for r in world.rows if r.state == "waiting" and r.webhook not in world.disabled]
    return lost + [f"{row.id} to {row.webhook} is owed for ever" for row in waiting]


def delivered_means_answered(world: World) -> list[str]:
    """A delivery is called delivered exactly when its receiver said so."""
    rows = [row for row in world.rows if row.state == "delivered"]
    return [f"{r.id} never arrived" for r in rows if not world.network.arrived[r.webhook, r.event]]


def repeats_are_bounded(world: World) -> list[str]:
    """Repeats only after a kill, a stop that cut attempts off, never more than were in flight."""
    repeats = sum(count - 1 for count in world.network.arrived.values())
    most = world.in_flight_at_kills + world.limits.under_way * world.stops
    return [f"{repeats} repeats, {most} were in flight"] if repeats > most else []


def bytes_stay_the_same(world: World) -> list[str]:
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for _, event, body, _ in world.network.sent:
        bodies[event].add(body)
    return [f"{event} was sent with {len(found)} bodies" for event, found in bodies.items() if len(found) > 1]


def lanes_keep_their_limits(world: World) -> list[str]:
    most = world.limits.under_way_per_webhook
    found = world.network.most_under_way.items()
    return [f"{host} had {count} attempts at a time" for host, count in found if count > most]


def only_failures_spend_attempts(world: World) -> list[str]:
    """The ledger's attempts are numbered 1, 2, 3 …, whatever became of the process in between."""
    broken = []
    for row in world.rows:
        numbers = [line.attempt.number for line in world.lines[row.id] if line.attempt is not None]
        if numbers != list(range(1, len(numbers) + 1)) or row.attempts != len(numbers):
            broken.append(f"{row.id}: attempts {numbers}, {row.attempts} spent")
        if len(numbers) > len(world.policy.schedule) + 1:
            broken.append(f"{row.id}: {len(numbers)} attempts")
    return broken


def the_schedule_is_kept(world: World) -> list[str]:
    """No attempt comes early, in time that passes, whatever was done to the wall clock; unless it was set forward
    while nothing ran, which nobody can tell from time that passed."""
    broken = []
    for host, event, sent in _sendings(world):
        for wait, (earlier, later) in zip(world.policy.schedule, pairwise(sent), strict=False):
            unseen = sum(max(0, jump) for at, jump in world.unseen if earlier <= at <= later)
            if later < earlier + (1 - world.policy.jitter) * wait - 1 - unseen:
                broken.append(f"{event} to {host}: {later - earlier} ms after the last attempt, {wait} to wait")
    return broken


def retries_are_not_forgotten(world: World) -> list[str]:
    """None comes much later than its schedule says because of a clock, while its receiver is well and nothing else
    is in the way: what the process was down or the store away for is added."""
    broken = []
    for host, event, sent in _sendings(world):
        for wait, (earlier, later) in zip(world.policy.schedule, pairwise(sent), strict=False):
            down = sum(max(0, min(end, later) - max(start, earlier)) for start, end in world.outages)
            longest = max(wait, RETRY_AFTER) * (1 + world.policy.jitter) + down + SLACK
            if host == "shaky" and later - earlier > longest:
                broken.append(f"{event} to {host}: {later - earlier} ms after the last attempt, {wait} to wait")
    return broken


def _sendings(world: World) -> Iterator[tuple[str, str, list[int]]]:
    """Of each delivery that came to its end in a life of its own, when it was sent, by time that passes. A repeat
    after a kill is not a retry, so events that were sent more often than the ledger has attempts are left out."""
    sent: dict[tuple[str, str], list[int]] = defaultdict(list)
    for host, event, _, at in world.network.sent:
        sent[host, event].append(at)
    for row in world.rows:
        attempts = sum(line.attempt is not None for line in world.lines[row.id])
        if len(sent[row.webhook, row.event]) == attempts:
            yield row.webhook, row.event, sent[row.webhook, row.event]


def order_is_kept(world: World) -> list[str]:
    """The next of a subject (of all, when strict) is not sent before the one before it has ended."""
    first: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str], int] = {}
    for place, (host, event, _, _) in enumerate(world.network.sent):
        first.setdefault((host, event), place)
        last[host, event] = place
    keyed: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for row in sorted(world.rows, key=lambda row: row.id):
        if (ordering := world.hosts.get(row.webhook, "none")) != "none":
            keyed[row.webhook, row.subject if ordering == "subject" else None].append(row.event)
    return [
        f"{host}: {later} was sent before {earlier} had ended"
        for (host, _), events in keyed.items()
        for earlier, later in pairwise(events)
        if (host, later) in first and last.get((host, earlier), -1) > first[host, later]
    ]


PROMISES: tuple[Promise, ...] = (
    nothing_is_lost,
    delivered_means_answered,
    repeats_are_bounded,
    bytes_stay_the_same,
    lanes_keep_their_limits,
    only_failures_spend_attempts,
    the_schedule_is_kept,
    retries_are_not_forgotten,
    order_is_kept,
)


def broken_promises(world: World) -> dict[str, list[str]]:
    """By name of the promise, the first few violations."""
    found = {promise.__name__: promise(world) for promise in PROMISES}
    return {name: told[:5] for name, told in found.items() if told}
