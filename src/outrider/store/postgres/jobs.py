"""`ports.jobs.Jobs` on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.domain.clock import DAY
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Delivery, Event
from outrider.ports.jobs import Stretch
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.rows import owe
from outrider.store.postgres.spans import (
    CLOCK_SLACK,
    PAST_EVERY_ID,
    PAST_EVERY_INSTANT,
    PAST_EVERY_PLACE,
    first_id,
    first_place,
    floors,
    place_instant,
)
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "jobs.sql")
LOOKED_AT = 1_000  # events or lines in one read
FOUND = 200  # of them
DAYS_AT_ONCE = 8 * DAY
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Job).decode


class PostgresJobs:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def bounds(self, selection: Selection) -> tuple[int, int]:
        """Places are given out before their commit: what is being committed meanwhile may be in it or not."""
        retry = selection.kind is JobKind.RETRY_FAILED

        async def work(connection: Any) -> tuple[int, int]:
            if retry:
                return 0, int(await connection.fetchval(SQL["last_line"]))
            return await _event_bounds(connection, selection)

        return await self._connections.run(work)

    async def stretch(self, selection: Selection, place: int, end: int) -> Stretch:
        if selection.kind is JobKind.RETRY_FAILED:
            return await self._connections.run(lambda c: _lines(c, selection, place, end))
        return await self._connections.run(lambda c: _events(c, selection, place, end))

    async def add(self, job: Job) -> None:
        row = (job.selection.tenant, job.id, job.state, job.place, _encode(job))
        await self._connections.run(lambda connection: connection.execute(SQL["insert_job"], *row))

    async def advance(self, before: Job, after: Job, deliveries: Sequence[Delivery]) -> bool:
        """When StoreUnavailable leaves open whether the commit happened, the same call again makes nothing twice:
        the job's place has moved if it did. It waits for a commit that is still under way."""

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


async def _event_bounds(connection: Any, selection: Selection) -> tuple[int, int]:
    tenant, until = selection.tenant, selection.until
    first = await connection.fetchval(SQL["first_event"], tenant, first_place(selection.since or 0))
    now = time.time_ns() // 1_000_000  # only where to look first
    top = PAST_EVERY_PLACE if until is None else first_place(until)
    for floor in floors(min(place_instant(top), now), selection.since):
        last = await connection.fetchval(SQL["last_event"], tenant, top, first_place(floor))
        if last is not None:
            return first - 1, last
        top = first_place(floor)
    return 0, 0


async def _events(connection: Any, selection: Selection, place: int, end: int) -> Stretch:
    upto = min(end, place + first_place(DAYS_AT_ONCE))
    webhook = selection.webhook if selection.kind is JobKind.SEND_MISSED else None
    rows = await connection.fetch(
        SQL["events"],
        *(selection.tenant, place, upto, LOOKED_AT),
        *(_types(selection), selection.subject, CLOCK_SLACK, FOUND, webhook),
        first_id(place_instant(place) - CLOCK_SLACK),
        first_id(place_instant(upto) + CLOCK_SLACK),
    )
    events = tuple(Event(*tuple(row)[1:]) for row in rows)
    if len(rows) == FOUND:
        return Stretch(events, rows[-1][0])
    reached = await connection.fetchval(SQL["event_reached"], selection.tenant, place, upto, LOOKED_AT - 1)
    return Stretch(events, upto if reached is None else reached)


async def _lines(connection: Any, selection: Selection, place: int, end: int) -> Stretch:
    until = PAST_EVERY_INSTANT if selection.until is None else selection.until
    below = PAST_EVERY_ID if selection.until is None else first_id(until + CLOCK_SLACK)
    look = (selection.tenant, place, end, selection.webhook, below)
    rows = await connection.fetch(
        SQL["exhausted"],
        *(*look, LOOKED_AT, selection.since or 0, until),
        *(_types(selection), selection.subject, CLOCK_SLACK, FOUND),
    )
    events = await _events_at(connection, selection.tenant, [row["event_place"] for row in rows])
    if len(rows) == FOUND:
        return Stretch(events, rows[-1]["place"])
    reached = await connection.fetchval(SQL["line_reached"], *look, LOOKED_AT - 1)
    return Stretch(events, end if reached is None else reached)


async def _events_at(connection: Any, tenant: str, places: list[int]) -> tuple[Event, ...]:
    """In the order of `places`."""
    if not places:
        return ()
    rows = await connection.fetch(SQL["events_at"], tenant, places, min(places), max(places))
    by_place = {row[0]: Event(*tuple(row)[1:]) for row in rows}
    return tuple(by_place[place] for place in places if place in by_place)


def _types(selection: Selection) -> list[str] | None:
    return None if selection.events is None else list(selection.events)
