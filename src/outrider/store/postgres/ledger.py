"""`ports.ledger.Ledger` on PostgreSQL: reads; what has to be of one moment is one statement, or one snapshot."""

from __future__ import annotations

import time
from heapq import merge
from itertools import islice, takewhile
from typing import Any

import msgspec

from outrider.domain.breaker import Health
from outrider.domain.model import Event, Webhook
from outrider.ports.ledger import (
    DeliveryQuery,
    DeliveryRow,
    EventQuery,
    EventRow,
    LedgerLine,
    SkipRow,
    WebhookThen,
)
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.rows import decode_attempt
from outrider.store.postgres.spans import (
    CLOCK_SLACK,
    PAST_EVERY_ID,
    PAST_EVERY_INSTANT,
    day_floors,
    first_id,
    id_spans,
)
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "ledger.sql")
_PAST_EVERY_PLACE = 1 << 62
_WAITING = ("waiting_of_event", "waiting_by_subject", "waiting_by_webhook", "waiting_by_type")


class PostgresLedger:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def events(self, tenant: str, query: EventQuery, before: int | None, limit: int) -> list[EventRow]:
        async def work(connection: Any) -> list[EventRow]:
            return await _events(connection, tenant, query, before, limit)

        return await self._connections.run(work)

    async def event(self, tenant: str, event: str) -> EventRow | None:
        row = await self._connections.run(lambda connection: _find_event(connection, tenant, event))
        return None if row is None else _event(row)

    async def skips(self, tenant: str, event: str) -> list[SkipRow]:
        async def work(connection: Any) -> list[SkipRow]:
            stored = await connection.fetchrow(SQL["event_place"], tenant, event)
            if stored is None:
                return []
            span = (first_id(stored["accepted"] - CLOCK_SLACK), first_id(stored["accepted"] + CLOCK_SLACK))
            return [SkipRow(*row) for row in await connection.fetch(SQL["skips"], tenant, event, *span)]

        return await self._connections.run(work)

    async def deliveries(
        self, tenant: str, query: DeliveryQuery, before: str | None, limit: int
    ) -> list[DeliveryRow]:
        async def work(connection: Any) -> list[DeliveryRow]:
            return await _deliveries(connection, tenant, query, before, limit)

        return await self._connections.in_snapshot(work)

    async def delivery(self, tenant: str, delivery: str) -> DeliveryRow | None:
        row = await self._connections.run(lambda c: c.fetchrow(SQL["delivery"], tenant, delivery))
        return None if row is None else DeliveryRow(*row)

    async def lines(self, tenant: str, delivery: str) -> list[LedgerLine]:
        rows = await self._connections.run(lambda c: c.fetch(SQL["lines"], tenant, delivery))
        return [
            LedgerLine(line, at, reason, None if attempt is None else decode_attempt(attempt))
            for line, at, reason, attempt in rows
        ]

    async def webhooks_then(self, tenant: str, event: str) -> dict[str, WebhookThen]:
        async def work(connection: Any) -> dict[str, WebhookThen]:
            found = await _find_event(connection, tenant, event)
            if found is None:
                return {}
            rows = await connection.fetch(SQL["webhooks_then"], tenant, found["book"])
            return {webhook: _then(created, document) for webhook, created, document in rows}

        return await self._connections.run(work)

    async def held_behind(self, tenant: str, delivery: str) -> str | None:
        found: str | None = await self._connections.run(lambda c: c.fetchval(SQL["held_behind"], tenant, delivery))
        return found

    async def healths(self, tenant: str) -> dict[str, Health]:
        rows = await self._connections.run(lambda c: c.fetch(SQL["healths"], tenant))
        return {webhook: msgspec.msgpack.decode(document, type=Health) for webhook, document in rows}


async def _events(
    connection: Any, tenant: str, query: EventQuery, before: int | None, limit: int
) -> list[EventRow]:
    name = "events"
    if query.subject is not None:
        name = "events_by_subject"
    elif query.type is not None:
        name = "events_by_type"
    since = query.since or 0
    until = _or_never(query.until)
    place = _PAST_EVERY_PLACE if before is None else before
    found: list[EventRow] = []
    for floor in day_floors(query.since, query.until, _now()):
        bindings = (tenant, place, since, until, floor, query.type, query.subject)
        rows = [_event(row) for row in await connection.fetch(SQL[name], *bindings, limit - len(found))]
        if floor:
            # Below the first one that is near the floor there may be others just beyond it.
            rows = list(takewhile(lambda row: row.event.accepted >= floor + CLOCK_SLACK, rows))  # noqa: B023
        found += rows
        if len(found) == limit:
            break
        place = found[-1].place if found else place
    return found


async def _deliveries(
    connection: Any, tenant: str, query: DeliveryQuery, before: str | None, limit: int
) -> list[DeliveryRow]:
    spans = id_spans(before, query.since, query.until, _now())
    if query.event is not None:
        stored = await connection.fetchrow(SQL["event_place"], tenant, query.event)
        if stored is None:
            return []
        spans = iter([(first_id(stored["accepted"] - CLOCK_SLACK), before or PAST_EVERY_ID)])
    found: list[DeliveryRow] = []
    for floor, top in spans:
        missing = limit - len(found)
        bindings = (tenant, top, floor, query.since or 0, _or_never(query.until), missing)
        sources = []
        if query.state in {None, "waiting"}:
            sources.append(await _waiting(connection, query, bindings))
        if query.state != "waiting":
            given = (query.event, query.subject, query.webhook, query.type)
            sources.append(await connection.fetch(SQL["ended"], *bindings, *given, query.state))
        newest_first = merge(*sources, key=lambda row: row[0], reverse=True)
        found += [DeliveryRow(*row) for row in islice(newest_first, missing)]
        if len(found) == limit:
            break
    return found


async def _waiting(connection: Any, query: DeliveryQuery, bindings: tuple[Any, ...]) -> list[Any]:
    """Through the index of what is rarest of the values asked for; the others are compared row by row."""
    given = (query.event, query.subject, query.webhook, query.type)
    for value, name in zip(given, _WAITING, strict=True):
        if value is not None:
            return list(await connection.fetch(SQL[name], *bindings, *given))
    return list(await connection.fetch(SQL["waiting"], *bindings))


async def _find_event(connection: Any, tenant: str, event: str) -> Any | None:
    """The row of `event` in SQL; asked in two steps, so that one day's partition is opened and no other."""
    stored = await connection.fetchrow(SQL["event_place"], tenant, event)
    if stored is None:
        return None
    return await connection.fetchrow(SQL["event"], tenant, stored["place"], stored["accepted"])


def _event(row: Any) -> EventRow:
    return EventRow(row[0], Event(*tuple(row)[1:10]))


def _then(created: bool, document: bytes | None) -> WebhookThen:
    return WebhookThen(created, None if document is None else msgspec.msgpack.decode(document, type=Webhook))


def _or_never(until: int | None) -> int:
    return PAST_EVERY_INSTANT if until is None else until


def _now() -> int:
    """Where lists begin to look; what they find does not depend on it."""
    return time.time_ns() // 1_000_000
