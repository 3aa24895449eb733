"""`ports.jobs.Jobs` on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.clock import DAY
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Delivery, Event
from outrider.ports.jobs import Stretch
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.rows import store_deliveries
from outrider.store.sqlite.writer import Writer

SQL = load("outrider.store.sqlite", "jobs.sql")
LOOKED_AT = 5_000  # events in one read
FOUND = 200  # of them
CLOCK_SLACK = DAY  # clocks are set back now and then, so instants do not rise with places exactly
_PAST_EVERY_ID = "g"
_QUERIES = {JobKind.RETRY_FAILED: "exhausted", JobKind.SEND_MISSED: "missed", JobKind.REPLAY: "replay"}
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Job).decode


class SqliteJobs:
    def __init__(self, writer: Writer, readers: Reads) -> None:
        self._writer = writer
        self._readers = readers

    async def bounds(self, selection: Selection) -> tuple[int, int]:
        def job(connection: apsw.Connection) -> tuple[int, int]:
            if selection.kind is JobKind.RETRY_FAILED:
                return 0, int(connection.execute(SQL["last_line"]).get)
            end = int(connection.execute(SQL["last_event"]).get)
            return _before(connection, selection.since, end), end

        return await self._readers.read(job)

    async def stretch(self, selection: Selection, place: int, end: int) -> Stretch:
        upto = end if selection.kind is JobKind.RETRY_FAILED else min(end, place + LOOKED_AT)
        bindings = msgspec.structs.asdict(selection) | {
            "events": None if selection.events is None else msgspec.json.encode(selection.events).decode(),
            "place": place,
            "end": upto,
            "limit": FOUND,
        }

        def job(connection: apsw.Connection) -> Stretch:
            rows: list[Any] = connection.execute(SQL[_QUERIES[selection.kind]], bindings).fetchall()
            return Stretch(tuple(Event(*row[1:]) for row in rows), rows[-1][0] if len(rows) == FOUND else upto)

        return await self._readers.read(job)

    async def add(self, job: Job) -> None:
        row = (job.id, job.selection.tenant, job.state, job.place, _encode(job))

        def insert(connection: apsw.Connection) -> None:
            connection.execute(SQL["insert_job"], row)

        await self._writer.submit(insert)

    async def advance(self, before: Job, after: Job, deliveries: Sequence[Delivery]) -> bool:
        row = (after.state, after.place, _encode(after), before.id, before.place)

        def step(connection: apsw.Connection) -> bool:
            connection.execute(SQL["advance_job"], row)
            if connection.changes() == 0:
                return False
            _owe(connection, deliveries)
            return True

        return await self._writer.submit(step)

    async def cancel(self, tenant: str, job: str, now: int, reason: str) -> Job | None:
        def end(connection: apsw.Connection) -> Job | None:
            document = connection.execute(SQL["job"], (tenant, job)).get
            found = None if document is None else _decode(document)
            if found is None or found.state is not JobState.RUNNING:
                return found
            ended = msgspec.structs.replace(found, state=JobState.CANCELLED, ended=now, reason=reason)
            row = (ended.state, ended.place, _encode(ended), ended.id, ended.place)
            connection.execute(SQL["advance_job"], row)
            return ended

        return await self._writer.submit(end)

    async def job(self, tenant: str, job: str) -> Job | None:
        def read(connection: apsw.Connection) -> Job | None:
            document = connection.execute(SQL["job"], (tenant, job)).get
            return None if document is None else _decode(document)

        return await self._readers.read(read)

    async def jobs(self, tenant: str, before: str | None, limit: int) -> list[Job]:
        def read(connection: apsw.Connection) -> list[Job]:
            bindings = (tenant, before or _PAST_EVERY_ID, limit)
            return [_decode(document) for (document,) in connection.execute(SQL["jobs"], bindings)]

        return await self._readers.read(read)

    async def running(self) -> list[Job]:
        def read(connection: apsw.Connection) -> list[Job]:
            return [_decode(document) for (document,) in connection.execute(SQL["running"])]

        return await self._readers.read(read)

    async def enqueue(self, delivery: Delivery) -> None:
        await self._writer.submit(lambda connection: _owe(connection, [delivery]))

    async def hasten(self, tenant: str, delivery: str, now: int) -> bool:
        def job(connection: apsw.Connection) -> bool:
            connection.execute(SQL["hasten"], (now, tenant, delivery))
            return connection.changes() > 0

        return await self._writer.submit(job)


def _owe(connection: apsw.Connection, deliveries: Sequence[Delivery]) -> None:
    """Store unleased deliveries of events that are stored; retention may have dropped some since they were read."""
    there = [d for d in deliveries if connection.execute(SQL["is_stored"], (d.tenant, d.event)).get is not None]
    store_deliveries(connection, there, frozenset(), "")


def _before(connection: apsw.Connection, since: int | None, end: int) -> int:
    """A place before every event accepted `since`, found by halving."""
    low, high = 0, end
    while since is not None and low < high:
        middle = (low + high) // 2
        accepted = connection.execute(SQL["accepted_after"], (middle,)).get
        if accepted is None or accepted >= since - CLOCK_SLACK:
            high = middle
        else:
            low = middle + 1
    return low
