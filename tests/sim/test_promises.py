"""The promises over simulated hours and weeks: failing hosts, a store that goes away, killed processes."""

from __future__ import annotations

import asyncio

import pytest

from outrider.dispatch.lanes import LaneLimits
from outrider.domain.clock import HOUR, MINUTE, SECOND
from outrider.domain.delivery import Policy
from outrider.domain.model import Ordering
from postgres import Postgres
from sim.disk import on_postgres
from sim.promises import broken_promises
from sim.weeks import a_week, over_days, polling_every
from sim.world import World, simulate

HOSTS = ["good", "shaky", "bad", "dead", "unwilling", "subject", "strict"]
ORDERED = {"subject": Ordering.SUBJECT, "strict": Ordering.STRICT}
POLICY = Policy(schedule=(5 * SECOND, 30 * SECOND, 5 * MINUTE, 10 * MINUTE))
LIMITS = LaneLimits(places=120, under_way=64, under_way_per_webhook=6)
LONGEST_LIFE_S = 30 * 60
RARELY_S = 20.0  # between idle looks where each is a statement of a real server


async def rough_hour(world: World) -> None:
    """Load with outages, kills and a clock that is set, then quiet until every delivery had time to end."""
    draw = world.chance.random
    world.network.health = {
        "good": 1.0, "shaky": 0.7, "bad": 0.2, "dead": 0.0, "unwilling": 0.0, "subject": 0.8, "strict": 0.95,
    }  # fmt: skip
    await world.begin(HOSTS, ORDERED)
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
                await world.stop(2)
                await world.start()
            case 3:
                world.chance.step(draw.choice([-2 * HOUR, 2 * HOUR]))
                await asyncio.sleep(RARELY_S + 1)  # whoever dies before the next heartbeat has not seen it
    world.network.health |= dict.fromkeys(HOSTS, 1.0) | {"unwilling": 0.0}
    await world.rest(6 * LONGEST_LIFE_S)
    await world.end()


def kept(world: World) -> None:
    """What holds after every rough hour."""
    assert len(world.accepted) > 50
    assert broken_promises(world) == {}
    assert all(world.network.arrived["good", event] >= 1 for event in world.accepted)
    assert all(row.state == "exhausted" for row in world.rows if row.webhook == "unwilling")


@pytest.mark.parametrize("seed", range(12))
def test_promises_hold(seed: int) -> None:
    kept(simulate(seed, rough_hour, POLICY, LIMITS))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(3))
def test_promises_hold_on_postgresql(seed: int, postgres_server: Postgres) -> None:
    with polling_every(RARELY_S):
        kept(simulate(seed, rough_hour, POLICY, LIMITS, on_postgres(postgres_server)))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_promises_hold_over_a_week_on_postgresql(postgres_server: Postgres) -> None:
    world = a_week(0, on_postgres(postgres_server))
    assert len(world.accepted) > 100
    assert broken_promises(world) == {}


@pytest.mark.parametrize("seed", range(3))
def test_promises_hold_over_a_week(seed: int) -> None:
    world = a_week(seed)
    assert len(world.accepted) > 100
    assert broken_promises(world) == {}


def test_a_seed_is_a_history() -> None:
    first, second = (simulate(7, rough_hour, POLICY, LIMITS).network.sent for _ in range(2))
    assert first == second


async def six_bad_days(world: World) -> None:
    world.network.health = {"good": 1.0, "dead": 0.0, "nearly": 0.0}
    await world.begin(["good", "dead", "nearly"])
    for half_day in range(12):
        await world.accept(3)
        await asyncio.sleep(12 * 3_600)
        world.network.health["nearly"] = 1.0 if half_day == 7 else 0.0
    await world.end()


def test_who_does_nothing_but_fail_for_five_days_is_disabled() -> None:
    world = over_days(1, six_bad_days)
    assert world.disabled == {"dead"}
    assert world.told == ["WebhookDisabled"]
    assert any(row.state == "waiting" for row in world.rows if row.webhook == "dead")


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
