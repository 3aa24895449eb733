"""The promises over simulated hours: hosts that fail, a store that goes away, processes that are killed."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from outrider.dispatch.lanes import LaneLimits
from outrider.domain.clock import MINUTE, SECOND
from outrider.domain.delivery import Policy
from outrider.ports.ledger import DeliveryQuery
from sim.world import TENANT, World, simulate

HOSTS = ["good", "shaky", "bad", "dead", "unwilling"]
POLICY = Policy(schedule=(5 * SECOND, 30 * SECOND, 5 * MINUTE, 10 * MINUTE))
LIMITS = LaneLimits(places=120, places_per_webhook=25, under_way=64, under_way_per_webhook=6)
LONGEST_LIFE_S = 30 * 60


async def rough_hour(world: World) -> None:
    """Load with outages and kills, then quiet until every delivery had time to end."""
    draw = world.chance.random
    world.network.health = {"good": 1.0, "shaky": 0.7, "bad": 0.2, "dead": 0.0, "unwilling": 0.0}
    await world.begin(HOSTS)
    for _ in range(40):
        await world.accept(draw.randint(1, 8))
        await asyncio.sleep(draw.random() * 20)
        match draw.randint(0, 9):
            case 0:
                world.disk.away = True
                await asyncio.sleep(draw.random() * 30)
                world.disk.away = False
            case 1:
                await world.kill()
                await world.start()
            case 2:
                await world.engine.stop(2)
                await world.start()
    world.network.health |= {"shaky": 1.0, "bad": 1.0, "dead": 1.0}
    await asyncio.sleep(LONGEST_LIFE_S)
    world.rows = []
    before = None
    while page := await world.ledger.deliveries(TENANT, DeliveryQuery(), before, 200):
        world.rows += page
        before = page[-1].id
    world.lines = {row.id: await world.ledger.lines(TENANT, row.id) for row in world.rows}
    await world.engine.stop(1)


@pytest.mark.parametrize("seed", range(12))
def test_promises_hold(seed: int) -> None:
    world = simulate(seed, rough_hour, POLICY, LIMITS)
    network = world.network
    logins = [row for row in world.rows if row.event_type == "Login"]

    # Nothing accepted is lost, nothing is owed for ever.
    assert len(world.accepted) > 50
    assert {row.event for row in logins} >= set(world.accepted)
    assert {row.state for row in logins} <= {"delivered", "exhausted"}
    assert all(network.arrived["good", event] >= 1 for event in world.accepted)
    assert all(row.state == "exhausted" for row in logins if row.webhook == "unwilling")
    # A delivery is called delivered exactly when its receiver said so.
    for row in logins:
        assert row.state == "exhausted" or network.arrived[row.webhook, row.event] >= 1
    # Repeats only after a kill or a stop that cut an attempt off, never more than were in flight.
    repeats = sum(count - 1 for count in network.arrived.values())
    assert repeats <= world.in_flight_at_kills + LIMITS.under_way * world.lives
    # Same id, same bytes.
    bodies = {(host, event): body for host, event, body, _ in network.sent}
    assert all(bodies[host, event] == body for host, event, body, _ in network.sent)
    # No receiver gets more at a time than its lane allows.
    assert max(network.most_under_way.values()) <= LIMITS.under_way_per_webhook
    # Only the receiver's failures spend attempts, and the schedule is kept.
    for row in logins:
        attempts = [line for line in world.lines[row.id] if line.attempt is not None]
        assert [line.attempt.number for line in attempts] == list(range(1, len(attempts) + 1))
        assert row.attempts == len(attempts) <= len(POLICY.schedule) + 1
        for wait, (earlier, later) in zip(POLICY.schedule, pairwise(attempts), strict=False):
            assert later.attempt.started >= earlier.at + 0.8 * wait - 1


def test_a_seed_is_a_history() -> None:
    first, second = (simulate(7, rough_hour, POLICY, LIMITS).network.sent for _ in range(2))
    assert first == second


async def quiet_load(world: World) -> None:
    world.network.health = {"good": 1.0, "dead": 0.0}
    await world.begin(["good", "dead"])
    for _ in range(30):
        await world.accept(10)
        await asyncio.sleep(1)
    await asyncio.sleep(60)
    await world.engine.stop(1)


def test_without_faults_of_ours_nothing_is_sent_twice() -> None:
    world = simulate(1, quiet_load, POLICY, LIMITS)
    assert len(world.accepted) == 300
    assert all(world.network.arrived["good", event] == 1 for event in world.accepted)


def test_a_dead_receiver_delays_nobody() -> None:
    world = simulate(1, quiet_load, POLICY, LIMITS)
    first = {event: at for host, event, _, at in reversed(world.network.sent) if host == "good"}
    accepted = {e: int(e.replace("-", "")[:12], 16) for e in world.accepted}
    assert max(first[e] - accepted[e] for e in world.accepted) <= 2 * SECOND
