"""`ports.jobs.Jobs` on SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from heapq import merge
from typing import Any

import apsw
import msgspec

from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Delivery, Event
from outrider.ports.clock import Clock, moment
from outrider.ports.jobs import Stretch
from outrider.store.queries import load
from outrider.store.sqlite.ledger import SQL as LEDGER
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.rows import as_json, store_deliveries
from outrider.store.sqlite.writer import Writer

SQL = load("outrider.store.sqlite", "jobs.sql")
LOOKED_AT = 2_000  # events or lines in one stretch, so that a reader is soon free again
FOUND = 200  # of them
_PAST_EVERY_ID = "g"
_PAST_EVERY_INSTANT = 1 << 62
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Job).decode


class SqliteJobs:
    def __init__(self, writer: Writer, readers: Reads, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def bounds(self, selection: Selection) -> tuple[int, int]:
        """The second is the last place given out: what is stored later is no part of the selection."""
        failed = selection.kind is JobKind.RETRY_FAILED

        def job(connection: apsw.Connection) -> tuple[int, int]:
            end = int(connection.execute(SQL["last_line" if failed else "last_event"]).get)
            name, bindings = "first_failure" if failed else "first_event", _bindings(selection)
            first: int | None = connection.execute(SQL[name], bindings).get
            return (end, end) if first is None else (min(first - 1, end), end)

        return await self._readers.read(job)

    async def stretch(self, selection: Selection, place: int, end: int, at: int | None = None) -> Stretch:
        def job(connection: apsw.Connection) -> Stretch:
            given = {"place": place, "end": end, "at": _instant(connection, selection, place) if at is None else at}
            with ExitStack() as open_cursors:
                rows = _past(connection, open_cursors, selection, _bindings(selection) | given)
                return _gathered(connection, selection.tenant, rows, end)

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
            self._owe(connection, deliveries)
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
        await self._writer.submit(lambda connection: self._owe(connection, [delivery]))

    async def hasten(self, tenant: str, delivery: str, now: int) -> bool:
        def job(connection: apsw.Connection) -> bool:
            connection.execute(SQL["hasten"], (now, tenant, delivery))
            return connection.changes() > 0

        return await self._writer.submit(job)

    def _owe(self, connection: apsw.Connection, deliveries: Sequence[Delivery]) -> None:
        """Store unleased deliveries of events that are stored; retention may have dropped some since they were
        read."""
        there = [d for d in deliveries if connection.execute(SQL["is_stored"], (d.tenant, d.event)).get is not None]
        store_deliveries(connection, there, frozenset(), "", moment(self._clock))


def _bindings(selection: Selection) -> dict[str, Any]:
    until, events = selection.until, selection.events
    return msgspec.structs.asdict(selection) | {
        "webhook": None if selection.kind is JobKind.REPLAY else selection.webhook,
        "since": selection.since or 0,
        "until": _PAST_EVERY_INSTANT if until is None else until,
        "events": None if events is None else as_json(events),
    }


def _instant(connection: apsw.Connection, selection: Selection, place: int) -> int:
    """Of what a job has come to that does not know it: it was begun by a version that kept the place alone."""
    name = "line_instant" if selection.kind is JobKind.RETRY_FAILED else "event_instant"
    return int(connection.execute(SQL[name], (place,)).get or 0)


def _past(
    connection: apsw.Connection, open_cursors: ExitStack, selection: Selection, bindings: dict[str, Any]
) -> Iterator[tuple[int, int, str | None]]:
    """(place, instant, event) in the order of instants; the event is None where it is not in the selection."""
    if selection.kind is JobKind.RETRY_FAILED:
        looks = [("past_failures", bindings)]
    elif selection.subject is not None:
        looks = [("past_by_subject", bindings)]
    elif selection.events is not None:
        looks = [("past_by_type", bindings | {"type": name}) for name in sorted(set(selection.events))]
    else:
        looks = [("past", bindings)]
    sources = [open_cursors.enter_context(closing(connection.execute(SQL[name], given))) for name, given in looks]
    return merge(*sources, key=lambda row: (row[1], row[0]))


def _gathered(
    connection: apsw.Connection, tenant: str, rows: Iterator[tuple[int, int, str | None]], end: int
) -> Stretch:
    """The events of as many rows as a stretch may look at. Retention may have dropped some whose lines are kept."""
    found: list[Event] = []
    for looked_at, (place, at, event) in enumerate(rows, start=1):
        row = None if event is None else connection.execute(LEDGER["event"], (tenant, event)).fetchone()
        if row is not None:
            found.append(Event(*row[1:]))
        if looked_at == LOOKED_AT or len(found) == FOUND:
            return Stretch(tuple(found), place, at)
    return Stretch(tuple(found), end, done=True)
