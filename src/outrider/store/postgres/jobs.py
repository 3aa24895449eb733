"""`ports.jobs.Jobs` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.domain.job import Job, JobState, Selection
from outrider.domain.model import Delivery
from outrider.ports.clock import Clock, moment
from outrider.ports.jobs import Stretch
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.past import Past
from outrider.store.postgres.rows import owe
from outrider.store.postgres.spans import PAST_EVERY_ID
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "jobs.sql")
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Job).decode


class PostgresJobs:
    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._clock = clock
        self._connections = connections
        self._past = Past(connections)

    async def bounds(self, selection: Selection) -> tuple[int, int]:
        return await self._past.bounds(selection)

    async def stretch(
        self,
        selection: Selection,
        place: int,
        end: int,
        at: int | None = None,  # noqa: ARG002 - places are in the order of instants here
    ) -> Stretch:
        return await self._past.stretch(selection, place, end)

    async def add(self, job: Job) -> None:
        row = (job.selection.tenant, job.id, job.state, job.place, _encode(job))
        await self._connections.run(lambda connection: connection.execute(SQL["insert_job"], *row))

    async def advance(self, before: Job, after: Job, deliveries: Sequence[Delivery]) -> bool:
        """When StoreUnavailable leaves open whether the commit happened, the same call again makes nothing twice:
        the job's place has moved if it did. It waits for a commit that is still under way."""

        async def work(connection: Any) -> bool:
            if not await _advance(connection, before, after):
                return False
            await owe(connection, deliveries, moment(self._clock))
            return True

        return await self._connections.in_transaction(work)

    async def cancel(self, tenant: str, job: str, now: int, reason: str) -> Job | None:
        async def work(connection: Any) -> Job | None:
            document = await connection.fetchval(SQL["locked_job"], tenant, job)
            found = None if document is None else _decode(document)
            if found is None or found.state is not JobState.RUNNING:
                return found
            ended = msgspec.structs.replace(found, state=JobState.CANCELLED, ended=now, reason=reason)
            await _advance(connection, found, ended)
            return ended

        return await self._connections.in_transaction(work)

    async def job(self, tenant: str, job: str) -> Job | None:
        document = await self._connections.run(lambda connection: connection.fetchval(SQL["job"], tenant, job))
        return None if document is None else _decode(document)

    async def jobs(self, tenant: str, before: str | None, limit: int) -> list[Job]:
        bindings = (tenant, before or PAST_EVERY_ID, limit)
        rows = await self._connections.run(lambda connection: connection.fetch(SQL["jobs"], *bindings))
        return [_decode(row[0]) for row in rows]

    async def running(self) -> list[Job]:
        rows = await self._connections.run(lambda connection: connection.fetch(SQL["running"]))
        return [_decode(row[0]) for row in rows]

    async def enqueue(self, delivery: Delivery) -> None:
        await self._connections.in_transaction(lambda c: owe(c, [delivery], moment(self._clock)))

    async def hasten(self, tenant: str, delivery: str, now: int) -> bool:
        done = await self._connections.run(lambda c: c.execute(SQL["hasten"], tenant, delivery, now))
        return rows_of(done) == 1


async def _advance(connection: Any, before: Job, after: Job) -> bool:
    row = (before.selection.tenant, before.id, before.place, after.state, after.place, _encode(after))
    return rows_of(await connection.execute(SQL["advance_job"], *row)) == 1
