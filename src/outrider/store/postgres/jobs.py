"""`ports.jobs.Jobs` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.domain.clock import DAY
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Delivery, Event
from outrider.ports.jobs import Stretch
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.rows import owe
from outrider.store.postgres.spans import CLOCK_SLACK, PAST_EVERY_ID, PAST_EVERY_INSTANT, STEPS, first_id
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "jobs.sql")
LOOKED_AT = 1_000  # events or lines in one read
FOUND = 200  # of them
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Job).decode


class PostgresJobs:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def bounds(self, selection: Selection) -> tuple[int, int]:
        """Places are given out before their commit: what is being committed meanwhile may be in it or not."""
        retry = selection.kind is JobKind.RETRY_FAILED

        async def work(connection: Any) -> tuple[int, int]:
            end = int(await connection.fetchval(SQL["last_line" if retry else "last_event"]))
            return 0 if retry else await _before(connection, selection), end

        return await self._connections.run(work)

    async def stretch(self, selection: Selection, place: int, end: int) -> Stretch:
        retry = selection.kind is JobKind.RETRY_FAILED
        names = ("exhausted", "line_reached") if retry else ("events", "event_reached")
        span = _failed_span(selection) if retry else _day_span(selection)
        look = (selection.tenant, place, end, *span)
        chosen = _chosen(selection)

        async def work(connection: Any) -> Stretch:
            rows = await connection.fetch(SQL[names[0]], *look, LOOKED_AT, *chosen)
            events = tuple(Event(*tuple(row)[1:]) for row in rows)
            if len(rows) == FOUND:
                return Stretch(events, rows[-1][0])
            reached = await connection.fetchval(SQL[names[1]], *look, LOOKED_AT - 1)
            return Stretch(events, end if reached is None else reached)

        return await self._connections.run(work)

    async def add(self, job: Job) -> None:
        row = (job.selection.tenant, job.id, job.state, job.place, _encode(job))
        await self._connections.run(lambda connection: connection.execute(SQL["insert_job"], *row))

    async def advance(self, before: Job, after: Job, deliveries: Sequence[Delivery]) -> bool:
        """When StoreUnavailable leaves open whether the commit happened, the same call again makes nothing twice:
        the job's place has moved if it did. If the commit is still under way the call waits for it."""

        async def work(connection: Any) -> bool:
            if not await _advance(connection, before, after):
                return False
            await owe(connection, deliveries)
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
        await self._connections.in_transaction(lambda connection: owe(connection, [delivery]))

    async def hasten(self, tenant: str, delivery: str, now: int) -> bool:
        done = await self._connections.run(lambda c: c.execute(SQL["hasten"], tenant, delivery, now))
        return rows_of(done) == 1


async def _advance(connection: Any, before: Job, after: Job) -> bool:
    row = (before.selection.tenant, before.id, before.place, after.state, after.place, _encode(after))
    return rows_of(await connection.execute(SQL["advance_job"], *row)) == 1


async def _before(connection: Any, selection: Selection) -> int:
    """A place before every event accepted since: the last one of the days that lie before that."""
    if selection.since is None:
        return 0
    top = (selection.since - CLOCK_SLACK) // DAY * DAY
    for floor in (*(top - step for step in STEPS), 0):
        place: int | None = await connection.fetchval(SQL["last_place"], selection.tenant, max(floor, 0), top)
        if place is not None:
            return place
    return 0


def _day_span(selection: Selection) -> tuple[int, int]:
    """Whole days, so that none of the rows in the partitions that are opened is read in vain."""
    since = 0 if selection.since is None else selection.since // DAY * DAY
    return since, PAST_EVERY_INSTANT if selection.until is None else -(-selection.until // DAY) * DAY


def _failed_span(selection: Selection) -> tuple[str, str]:
    """The webhook, and what the ids of deliveries that had ended by `until` are below."""
    until = selection.until
    return selection.webhook, PAST_EVERY_ID if until is None else first_id(until + CLOCK_SLACK)


def _chosen(selection: Selection) -> tuple[Any, ...]:
    """What the rows looked at are compared with."""
    until = PAST_EVERY_INSTANT if selection.until is None else selection.until
    types = None if selection.events is None else list(selection.events)
    chosen = (selection.since or 0, until, types, selection.subject, CLOCK_SLACK, FOUND)
    if selection.kind is JobKind.RETRY_FAILED:
        return chosen
    return (*chosen, selection.webhook if selection.kind is JobKind.SEND_MISSED else None)
