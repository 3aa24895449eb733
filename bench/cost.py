"""What one event costs PostgreSQL: `PYTHONPATH=tests:src python -m bench.cost`. The figures of docs/scaling.md.

Each event is accepted, owed to one webhook, born leased, delivered and settled, through the store's own ports and
without HTTP, on a durable server on loopback. Processor time of the server's processes, WAL and disk are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from typing import Any

import msgspec

from bench.postgres import server_cpu_s
from outrider.domain.delivery import Line, Step
from outrider.domain.fanout import owe
from outrider.domain.ids import Ids
from outrider.domain.model import Acceptance, Delivery, Event, Tenant, Webhook
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.ports.queue import AttemptRecord, Settlement
from outrider.ports.sender import Timing
from outrider.ports.system import About
from outrider.store.postgres.database import PostgresDatabase, open_database
from postgres import OwnPostgres

TENANT = "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
BODY = b'{"HookName":"login","Data":{"Uid":"0b9fa1d2c57e4c0e8a86c1d1f0a7b3e4"}}' + b" " * 230  # 300 bytes
HEADERS = tuple((f"header-{n}", "value " * 3) for n in range(10))
HOOK = Webhook(
    "65a1f0c2d3e4f5a6b7c8d9e0", TENANT, "w", ("Login",), "https://a.example/", "", None, None, None, 0, 0
)
KEPT = "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE relname ~ '^(event|ledger)'"
WARM_UP = 5_000
GROUPS_AT_ONCE = 2


class Cost(msgspec.Struct, frozen=True):
    """By event: microseconds of the server's and of this process' processor, bytes of WAL and of tables and
    indexes."""

    together: int
    server_us: float
    store_us: float
    wal: float
    disk: float


class Bench:
    def __init__(self, own: OwnPostgres, database: PostgresDatabase) -> None:
        self._own = own
        self._database = database
        self._clock = SystemClock()
        self._ids = Ids(self._clock.now, SystemEntropy().bytes)

    async def prepare(self) -> None:
        await self._database.upkeep.tend(None)
        await self._database.book.add_first_tenant(Tenant(TENANT, "t", "key", "sealed", 0))
        await self._database.book.save_webhook(HOOK, 1)
        await self._database.queue.heartbeat(6_000)

    async def measure(self, together: int, events: int) -> Cost:
        """The cost when `together` events share a commit of intake and one of settling."""
        await self._send(WARM_UP // together, together)
        before = await self._counted()
        server, own, count = server_cpu_s(self._own), time.process_time(), events // together * together
        await self._send(events // together, together)
        server, own = server_cpu_s(self._own) - server, time.process_time() - own
        after = await self._counted()
        wal, disk = ((after[n] - before[n]) / count for n in (0, 1))
        return Cost(together, server / count * 1e6, own / count * 1e6, wal, disk)

    async def _send(self, groups: int, together: int) -> None:
        async def some(count: int) -> None:
            for _ in range(count):
                await self._group(together)

        shares = [groups // GROUPS_AT_ONCE] * GROUPS_AT_ONCE
        shares[0] += groups - sum(shares)
        await asyncio.gather(*map(some, shares))

    async def _group(self, together: int) -> None:
        made = [self._acceptance() for _ in range(together)]
        await asyncio.gather(*(self._database.queue.accept(one) for one in made))
        outcomes = [self._outcome(one.deliveries[0]) for one in made]
        assert not (await self._database.queue.settle(outcomes)).lost

    def _acceptance(self) -> Acceptance:
        now = self._clock.now()
        event = Event(self._ids.new(), TENANT, "Login", os.urandom(16).hex(), None, now, now, BODY, os.urandom(16))
        delivery = owe(event, HOOK, self._ids.new())
        return Acceptance(TENANT, 2, (event,), (delivery,), (), frozenset([delivery.id]))

    def _outcome(self, delivery: Delivery) -> Settlement:
        now = self._clock.now()
        timing = Timing(total_ms=1.5, wait_ms=1.0, read_ms=0.1)
        record = AttemptRecord(1, now, "https://a.example/", HEADERS, 200, None, None, b"{}", False, timing)
        return Settlement(delivery, Step(Line.DELIVERED, 1, None), now, "status 200", record)

    async def _counted(self) -> tuple[int, int]:
        """Bytes of WAL so far, and of what is kept."""

        async def work(connection: Any) -> tuple[int, int]:
            wal = await connection.fetchval("SELECT (pg_current_wal_lsn() - '0/0')::bigint")
            kept = await connection.fetchval(KEPT)
            return int(wal), int(kept)

        return await self._database._writers.run(work)  # noqa: SLF001 - the connection that is there


async def _all(own: OwnPostgres, url: str, events: int, sizes: list[int]) -> list[Cost]:
    about = About("bench", 1, "0", (), 0)
    database = await open_database(
        url, "incarnation-1", clock=SystemClock(), size=8, about=about, dispatches=True, keeps_house=True
    )
    bench = Bench(own, database)
    try:
        await bench.prepare()
        return [await bench.measure(size, events) for size in sizes]
    finally:
        await database.close()


def main() -> None:
    options = argparse.ArgumentParser(prog="bench.cost", description=__doc__)
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--together", type=int, nargs="+", default=[1, 10, 50, 200])
    options.add_argument("--set", action="append", default=[], help="a setting of the server, as name=value")
    given = options.parse_args()
    settings = {"max_wal_size": "2GB"} | dict(setting.split("=", 1) for setting in given.set)
    own = OwnPostgres(on_disk=True, **settings)
    try:
        url = own.database()
        for cost in asyncio.run(_all(own, url, given.events, given.together)):
            print(
                f"{cost.together:>4} together: server {cost.server_us:.0f} µs, node {cost.store_us:.0f} µs, "
                f"WAL {cost.wal:,.0f} bytes, kept {cost.disk:,.0f} bytes an event"
            )
    finally:
        own.remove()


if __name__ == "__main__":
    main()
