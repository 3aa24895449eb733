"""`ports.jobs.Jobs` on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.job import Job, JobKind, Selection
from outrider.domain.model import Delivery, Event
from outrider.ports.jobs import Stretch
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.rows import store_deliveries
from outrider.store.sqlite.writer import Writer

SQL = load("outrider.store.sqlite", "jobs.sql")
STRETCH = 500  # places looked at in one read, or exhausted deliveries found
_PAST_EVERY_ID = "g"
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Job).decode


class SqliteJobs:
    def __init__(self, writer: Writer, readers: Reads) -> None:
        self._writer = writer
        self._readers = readers

    async def end(self, selection: Selection) -> int:
        name = "last_line" if selection.kind is JobKind.RETRY_FAILED else "last_event"
        return await self._readers.read(lambda connection: int(connection.execute(SQL[name]).get))

    async def stretch(self, selection: Selection, place: int, end: int) -> Stretch:
        failed = selection.kind is JobKind.RETRY_FAILED
        upto = end if failed else min(end, place + STRETCH)
        bindings = msgspec.structs.asdict(selection) | {
            "events": None if selection.events is None else msgspec.json.encode(selection.events).decode(),
            "place": place,
            "end": upto,
            "limit": STRETCH,
        }
        name = {JobKind.RETRY_FAILED: "exhausted", JobKind.SEND_MISSED: "missed", JobKind.REPLAY: "replay"}

        def job(connection: apsw.Connection) -> Stretch:
            rows: list[Any] = connection.execute(SQL[name[selection.kind]], bindings).fetchall()
            after = rows[-1][0] if failed and len(rows) == STRETCH else upto
            return Stretch(tuple(Event(*row[1:]) for row in rows), after)

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
            store_deliveries(connection, deliveries, frozenset(), "")
            return True

        return await self._writer.submit(step)

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
        await self._writer.submit(lambda connection: store_deliveries(connection, [delivery], frozenset(), ""))

    async def hasten(self, tenant: str, delivery: str, now: int) -> bool:
        def job(connection: apsw.Connection) -> bool:
            connection.execute(SQL["hasten"], (now, tenant, delivery))
            return connection.changes() > 0

        return await self._writer.submit(job)
