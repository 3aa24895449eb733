"""`ports.ledger.Ledger` on SQLite: reads only, each list in one read transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from heapq import merge
from itertools import chain, islice
from typing import Any

import apsw
import msgspec

from outrider.domain.breaker import Health
from outrider.domain.delivery import ENDINGS, Line
from outrider.domain.ids import first_id
from outrider.domain.model import Event, Webhook
from outrider.ports.clock import Clock
from outrider.ports.ledger import (
    DeliveryQuery,
    DeliveryRow,
    EventQuery,
    EventRow,
    LedgerLine,
    SkipRow,
    WebhookThen,
)
from outrider.store.lists import AHEAD, read_by, shown, shown_healths, statement
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.rows import decode_attempt

SQL = load("outrider.store.sqlite", "ledger.sql")
_PAST_EVERY_PLACE = 1 << 62
_PAST_EVERY_ID = "g"  # ids are lower-case hex
_SLACK = 10_000  # ms an id may be ahead of its instant; as in the migration


class SqliteLedger:
    def __init__(self, readers: Reads, clock: Clock) -> None:
        self._readers = readers
        self._clock = clock

    async def events(self, tenant: str, query: EventQuery, before: int | None, limit: int) -> list[EventRow]:
        bindings = _bindings(query, tenant)
        name = statement("events", read_by(query))

        def job(connection: apsw.Connection) -> list[EventRow]:
            top = (bindings["until"], 0)  # (accepted, place)
            if before is not None:
                at = connection.execute(SQL["accepted_at"], (tenant, before)).get
                top = min(top, (at or 0, before))
            place = {"before_at": top[0], "before": top[1], "limit": limit}
            return [_event(row) for row in connection.execute(SQL[name], bindings | place)]

        return await self._readers.read(job)

    async def event(self, tenant: str, event: str) -> EventRow | None:
        def job(connection: apsw.Connection) -> EventRow | None:
            row = connection.execute(SQL["event"], (tenant, event)).fetchone()
            return None if row is None else _event(row)

        return await self._readers.read(job)

    async def skips(self, tenant: str, event: str) -> list[SkipRow]:
        def job(connection: apsw.Connection) -> list[SkipRow]:
            return [SkipRow(*row) for row in connection.execute(SQL["skips"], (tenant, event))]

        return await self._readers.read(job)

    async def deliveries(
        self, tenant: str, query: DeliveryQuery, before: str | None, limit: int
    ) -> list[DeliveryRow]:
        bindings = _bindings(query, tenant)
        top = _PAST_EVERY_ID if before is None else before
        bottom = "" if query.since is None else first_id(query.since - _SLACK)
        ahead = top if query.until is None else min(top, first_id(query.until + _SLACK))
        parts = ((AHEAD, top, ahead), (read_by(query), ahead, bottom))

        def job(connection: apsw.Connection) -> list[DeliveryRow]:
            with ExitStack() as open_cursors:
                rows = chain.from_iterable(
                    _deliveries(connection, open_cursors, query, by, bindings | {"top": upper, "bottom": lower})
                    for by, upper, lower in parts
                    if lower < upper
                )
                return list(islice(rows, limit))

        return shown(await self._readers.read(job), self._clock)

    async def delivery(self, tenant: str, delivery: str) -> DeliveryRow | None:
        def job(connection: apsw.Connection) -> DeliveryRow | None:
            for name in ("waiting_one", "ended_one"):
                row = connection.execute(SQL[name], (tenant, delivery)).fetchone()
                if row is not None:
                    return DeliveryRow(*row)
            return None

        row = await self._readers.read(job)
        return None if row is None else shown([row], self._clock)[0]

    async def lines(self, tenant: str, delivery: str) -> list[LedgerLine]:
        def job(connection: apsw.Connection) -> list[LedgerLine]:
            return [
                LedgerLine(line, at, reason, None if attempt is None else decode_attempt(attempt))
                for line, at, reason, attempt in connection.execute(SQL["lines"], (tenant, delivery))
            ]

        return await self._readers.read(job)

    async def webhooks_then(self, tenant: str, event: str) -> dict[str, WebhookThen]:
        def job(connection: apsw.Connection) -> dict[str, WebhookThen]:
            rows = connection.execute(SQL["webhooks_then"], (tenant, event))
            return {webhook: _then(created, document) for webhook, created, document in rows}

        return await self._readers.read(job)

    async def held_behind(self, tenant: str, delivery: str) -> str | None:
        def job(connection: apsw.Connection) -> str | None:
            found: str | None = connection.execute(SQL["held_behind"], (tenant, delivery)).get
            return found

        return await self._readers.read(job)

    async def healths(self, tenant: str) -> dict[str, Health]:
        def job(connection: apsw.Connection) -> dict[str, Health]:
            rows = connection.execute(SQL["healths"], (tenant,))
            return {webhook: msgspec.msgpack.decode(document, type=Health) for webhook, document in rows}

        return shown_healths(await self._readers.read(job), self._clock)


def _bindings(query: EventQuery | DeliveryQuery, tenant: str) -> dict[str, Any]:
    given = msgspec.structs.asdict(query)
    since, until = query.since, query.until
    span = {"since": 0 if since is None else since, "until": _PAST_EVERY_PLACE if until is None else until}
    return given | span | {"tenant": tenant}


def _deliveries(
    connection: apsw.Connection,
    open_cursors: ExitStack,
    query: DeliveryQuery,
    by: str,
    bindings: dict[str, Any],
) -> Iterator[DeliveryRow]:
    """Of a span of ids: each source is in the order of the list, and they are read as far as they are merged."""
    lines = [line for line in sorted(ENDINGS) if query.state in (None, line)]
    looks = [(statement("ended", by), bindings | {"line": line}) for line in lines]
    if query.state == Line.QUARANTINED:
        looks.append(("quarantined", bindings))
    if query.state in (None, "waiting"):
        looks.append((statement("waiting", by), bindings))
        if by == "subject":
            looks.append(("leased_by_subject", bindings))
    sources = [open_cursors.enter_context(closing(connection.execute(SQL[name], given))) for name, given in looks]
    newest_first: Any = merge(*sources, key=lambda row: row[0], reverse=True)
    return (DeliveryRow(*row) for row in newest_first)


def _event(row: tuple[Any, ...]) -> EventRow:
    return EventRow(row[0], Event(*row[1:]))


def _then(created: int, document: bytes | None) -> WebhookThen:
    return WebhookThen(bool(created), None if document is None else msgspec.msgpack.decode(document, type=Webhook))
