"""Seven virtual days for each seed: `PYTHONPATH=tests python -m sim.weeks --seeds 1000 --store sqlite`.

Load for two and a half days while receivers fail for hours, the store goes away, the process is killed, restarted
or off for hours, and somebody sets the clock by up to thirty hours, also while the process is off; then everybody
recovers and every delivery has time to end.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import postgres
from outrider.dispatch import feeder, heartbeat, housekeeping, jobs
from outrider.dispatch.lanes import LaneLimits
from outrider.domain.clock import HOUR, MINUTE
from outrider.domain.delivery import Policy
from outrider.domain.model import Ordering
from outrider.store.postgres import floors
from sim.disk import MakeDisk, SqliteDisk, on_postgres
from sim.promises import broken_promises
from sim.world import Play, World, simulate

HOSTS = ["good", "shaky", "flapping", "dead", "unwilling", "gone", "subject", "strict"]
ORDERED = {"subject": Ordering.SUBJECT, "strict": Ordering.STRICT}
LIMITS = LaneLimits(places=120, under_way=64, under_way_per_webhook=6)
HOUR_S = 3_600
JUMPS = [-30 * HOUR, -HOUR, -MINUTE, MINUTE, HOUR, 30 * HOUR]
POLLS_S = 600.0  # polling rests on hints here; otherwise a week would be a million idle looks


async def _week(world: World) -> None:
    draw = world.chance.random
    world.network.health = {
        "good": 1.0, "shaky": 0.6, "flapping": 1.0, "dead": 0.0, "unwilling": 0.0, "gone": 0.0,
        "subject": 0.9, "strict": 0.97,
    }  # fmt: skip
    await world.begin(HOSTS, ORDERED)
    for _ in range(60):
        await world.accept(draw.randint(1, 6))
        await asyncio.sleep(draw.random() * 1.7 * HOUR_S)
        await _mishap(world, draw.randint(0, 11))
    world.network.health |= dict.fromkeys(["good", "shaky", "flapping", "dead", "subject", "strict"], 1.0)
    await asyncio.sleep(7 * 24 * HOUR_S - asyncio.get_running_loop().time())
    await world.end()


async def _mishap(world: World, what: int) -> None:
    draw = world.chance.random
    match what:
        case 0:
            world.disk.away = True
            await asyncio.sleep(draw.random() * 300)
            world.disk.away = False
        case 1:
            await world.kill()
            await world.start()
        case 2:
            await world.stop(2)
            await world.start()
        case 3:
            world.chance.step(draw.choice(JUMPS))
            await asyncio.sleep(POLLS_S + 1)  # whoever dies before the next heartbeat has not seen it
        case 6:
            await draw.choice([world.kill, world.halt])()
            await world.rest_stopped(draw.random() * 3 * HOUR_S, draw.choice([0, *JUMPS]))
        case 4 | 5:
            world.network.health["flapping"] = 1.0 - world.network.health["flapping"]


def a_week(seed: int, on: MakeDisk = SqliteDisk) -> World:
    """The history of this seed."""
    return over_days(seed, _week, on)


def over_days(seed: int, play: Play, on: MakeDisk = SqliteDisk) -> World:
    """A history of days, polled rarely."""
    with polling_every(POLLS_S):
        return simulate(seed, play, Policy(), LIMITS, on)


@contextmanager
def polling_every(seconds: float) -> Iterator[None]:
    """Services that poll do so rarely and rest on hints, so that simulated time is not spent on idle looks."""
    with ExitStack() as patches:
        for module in (feeder, jobs):
            patches.enter_context(mock.patch.object(module, "LONGEST_SLEEP_S", seconds))
        # A look that is slow on a busy machine would be remembered for seconds of real time, which are days here.
        patches.enter_context(mock.patch.object(floors, "SLOW_S", 3_600.0))
        patches.enter_context(mock.patch.object(heartbeat, "BEAT_S", seconds))
        patches.enter_context(mock.patch.object(housekeeping, "ROUND_S", seconds))
        yield


class _Worker:
    """What each process of the pool makes its disks with."""

    make: MakeDisk = SqliteDisk


def _use(server: str | None) -> None:
    logging.disable()
    if server is not None:
        _Worker.make = staticmethod(on_postgres(postgres.Postgres(server)))


def _judged(seed: int) -> tuple[int, int, int, dict[str, list[str]]]:
    world = a_week(seed, _Worker.make)
    return seed, len(world.network.sent), len(world.accepted), broken_promises(world)


def main() -> None:
    options = argparse.ArgumentParser(prog="sim.weeks", description=__doc__)
    options.add_argument("--seeds", type=int, default=1_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    given = options.parse_args()
    server = postgres.start() if given.store == "postgres" else None
    try:
        failing = _over_all(range(given.first, given.first + given.seeds), server.url if server else None)
    finally:
        if isinstance(server, postgres.OwnPostgres):
            server.remove()
    sys.exit(failing > 0)


def _over_all(seeds: range, server: str | None) -> int:
    """How many of them break a promise."""
    attempts = events = failing = 0
    with multiprocessing.Pool(initializer=_use, initargs=(server,)) as pool:
        for done, (seed, sent, accepted, broken) in enumerate(pool.imap_unordered(_judged, seeds), 1):
            attempts += sent
            events += accepted
            if broken:
                failing += 1
                print(f"seed {seed}: {broken}", flush=True)
            if done % 100 == 0:
                print(f"{done} weeks, {attempts:,} attempts, {failing} seeds with violations", flush=True)
    print(f"{len(seeds)} seeds of 7 virtual days: {events:,} events, {attempts:,} attempts, {failing} violations")
    return failing


if __name__ == "__main__":
    main()
