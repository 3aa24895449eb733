"""`ports.queue.Queue` on PostgreSQL. Every statement names the tenant of each row it touches."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Sequence
from typing import Any

from outrider.domain.breaker import Health
from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Acceptance, Delivery
from outrider.domain.readiness import Unready
from outrider.ports.clock import Clock, moment
from outrider.ports.queue import Backlog, Pulse, Receipt, Settled, Settlement
from outrider.store.acceptances import Acceptances
from outrider.store.documents import read_document
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.floors import Floors, Key
from outrider.store.postgres.intake import Intake
from outrider.store.postgres.nodes import RELEASED, Nodes
from outrider.store.postgres.rows import SQL, columns, read_deliveries
from outrider.store.postgres.settle import settle
from outrider.store.readiness import Readiness

COMMITS_AT_ONCE = 2


class PostgresQueue:
    """The queue as the process `nodes.incarnation` sees it."""

    def __init__(self, connections: Connections, nodes: Nodes, doubts: Doubts, clock: Clock) -> None:
        self._connections = connections
        self._nodes = nodes
        self._incarnation = nodes.incarnation
        self._doubts = doubts
        self._floors = Floors()
        self._clock = clock
        intake = Intake(connections, doubts, nodes.incarnation, clock)
        self._acceptances = Acceptances(intake.commit, at_once=COMMITS_AT_ONCE)
        self._readiness = Readiness(self._acceptances.evidence, nodes.attempt)

    def accept(self, acceptance: Acceptance) -> Coroutine[Any, Any, Receipt]:
        return self._acceptances.store(acceptance)

    async def unready(self) -> Unready | None:
        """As `ports.store.Store`."""
        return await self._readiness.reason()

    async def close(self) -> None:
        """Idempotent."""
        await self._readiness.close()

    async def backlogs(self) -> list[Backlog]:
        floors = self._floors.all()
        started = time.monotonic()
        if floors:
            rows = [(*key, due) for key, due in floors.items()]
            found = await self._connections.run(lambda c: c.fetch(SQL["backlogs_from"], *columns(rows, 3)))
        else:
            found = await self._connections.run(lambda c: c.fetch(SQL["backlogs"]))
        took = time.monotonic() - started
        earliest = {(row[0], row[1]): row[2] for row in found if row[2] is not None}
        self._floors.looked(None, took, whole=not floors, earliest=earliest)
        return [Backlog(tenant, webhook, due) for (tenant, webhook), due in earliest.items()]

    async def claim(self, tenant: str, webhook: str, limit: int, now: int) -> list[Delivery]:
        key: Key = (tenant, webhook)
        floor = self._floors.floor(key)
        claimed: list[Delivery] = []
        reached = now
        started = time.monotonic()

        async def work(connection: Any) -> None:
            nonlocal reached
            rows = await connection.fetch(SQL["claim"], self._incarnation, tenant, webhook, now, limit, floor)
            claimed.extend(await read_deliveries(connection, rows))
            if len(rows) == limit:
                reached = rows[-1][11]

        try:
            await self._connections.in_transaction(work)
        except StoreUnavailable:
            self._doubts.add(claimed)
            raise
        self._doubts.forget(claimed)
        self._floors.looked(key, time.monotonic() - started, whole=floor == 0, earliest={key: reached})
        return claimed

    async def settle(self, settlements: Sequence[Settlement]) -> Settled:
        at = moment(self._clock)
        return await settle(self._connections, self._incarnation, settlements, self._doubts, at)

    async def release(self, deliveries: Sequence[Delivery] | None = None) -> int:
        if deliveries is None:
            return await self._release_all()
        keys = columns([(d.tenant, d.id) for d in deliveries], 2)
        return rows_of(await self._connections.run(lambda c: c.execute(SQL["release"], self._incarnation, *keys)))

    async def _release_all(self) -> int:
        released = 0
        while True:
            done = await self._connections.run(lambda c: c.execute(SQL["release_all"], self._incarnation, RELEASED))
            if rows_of(done) == 0:  # fewer than asked for may only mean that some were settled meanwhile
                return released
            released += rows_of(done)

    async def heartbeat(self, dead_after: int) -> Pulse:
        return await self._nodes.beat(dead_after, self._doubts)

    async def cancel(self, tenant: str, webhook: str, limit: int, now: int) -> int:
        done = await self._connections.run(lambda c: c.execute(SQL["cancel"], tenant, webhook, limit, now))
        return rows_of(done)

    async def deleted_webhooks(self) -> list[tuple[str, str]]:
        rows = await self._connections.run(lambda c: c.fetch(SQL["deleted_webhooks"]))
        return [(row[0], row[1]) for row in rows]

    async def healths(self) -> dict[str, Health]:
        rows = await self._connections.run(lambda c: c.fetch(SQL["healths"]))
        return {webhook: read_document(document, Health, "health") for webhook, document in rows}

    async def newest(self) -> str | None:
        newest: str | None = await self._connections.run(lambda c: c.fetchval(SQL["newest"]))
        return newest

    async def size(self, tenant: str) -> int:
        return int(await self._connections.run(lambda c: c.fetchval(SQL["size"], tenant)))

    async def quarantined(self, tenant: str) -> int:
        return int(await self._connections.run(lambda c: c.fetchval(SQL["quarantined"], tenant)))
