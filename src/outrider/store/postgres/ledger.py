"""`ports.ledger.Ledger` on PostgreSQL: reads; what has to be of one moment is one statement, or one snapshot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from heapq import merge
from itertools import islice
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
    PAST_EVERY_PLACE,
    IdSpan,
    first_id,
    first_place,
    floors,
    id_spans,
    place_instant,
    whole,
)
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "ledger.sql")


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
    top = PAST_EVERY_PLACE if before is None else min(before, PAST_EVERY_PLACE)
    if query.until is not None:
        top = min(top, first_place(query.until))
    found: list[EventRow] = []
    for floor in floors(min(place_instant(top), _now()), query.since):
        bottom = first_place(floor)
        rows = await _events_between(connection, query, (tenant, top, bottom, limit - len(found)))
        found += [_event(row) for row in rows]
        if len(found) == limit:
            break
        top = bottom
    return found


async def _events_between(connection: Any, query: EventQuery, span: tuple[Any, ...]) -> list[Any]:
    if query.subject is not None:
        return list(await connection.fetch(SQL["events_by_subject"], *span, query.subject, query.type))
    if query.type is not None:
        return list(await connection.fetch(SQL["events_by_type"], *span, query.type))
    return list(await connection.fetch(SQL["events"], *span))


async def _deliveries(
    connection: Any, tenant: str, query: DeliveryQuery, before: str | None, limit: int
) -> list[DeliveryRow]:
    """What waits is read first, because the queue is one table; then what ended, as many days as the page needs."""
    spans = await _spans(connection, tenant, query, before)
    waiting: list[Any] = []
    if query.state in {None, "waiting"}:
        for span in whole(spans):
            waiting += await _waiting(connection, tenant, query, span, limit - len(waiting))
    ended: list[Any] = []
    if query.state != "waiting":
        for span in spans:
            missing = limit - len(ended) - sum(row[0] >= span.top for row in waiting)
            if missing <= 0:
                break
            ended += await _ended(connection, tenant, query, span, missing)
    newest_first = merge(waiting, ended, key=lambda row: row[0], reverse=True)
    return [DeliveryRow(*row) for row in islice(newest_first, limit)]


async def _spans(connection: Any, tenant: str, query: DeliveryQuery, before: str | None) -> list[IdSpan]:
    if query.event is None:
        return list(id_spans(before, query.since, query.until, _now()))
    stored = await connection.fetchrow(SQL["event_place"], tenant, query.event)
    if stored is None:
        return []
    return [IdSpan(before or PAST_EVERY_ID, first_id(stored["accepted"] - CLOCK_SLACK))]


async def _waiting(connection: Any, tenant: str, query: DeliveryQuery, span: IdSpan, limit: int) -> Sequence[Any]:
    given = (query.event, query.subject, query.webhook, query.type)
    name = "waiting_ahead" if span.ahead else _rarest(given)
    values = () if name == "waiting" else given
    return list(await connection.fetch(SQL[name], *_bounds(tenant, query, span, limit), *values))


async def _ended(connection: Any, tenant: str, query: DeliveryQuery, span: IdSpan, limit: int) -> Sequence[Any]:
    given = (query.event, query.subject, query.webhook, query.type, query.state)
    name = "ended_ahead" if span.ahead else "ended" if query.event is None else "ended_of_event"
    values = given[1:] if name == "ended" else given
    return list(await connection.fetch(SQL[name], *_bounds(tenant, query, span, limit), *values))


def _bounds(tenant: str, query: DeliveryQuery, span: IdSpan, limit: int) -> tuple[Any, ...]:
    until = PAST_EVERY_INSTANT if query.until is None else query.until
    return tenant, span.top, span.bottom, query.since or 0, until, limit


def _rarest(given: tuple[str | None, ...]) -> str:
    """The query that reads through the index of what is rarest of the values given, and compares the others."""
    names = ("waiting_of_event", "waiting_by_subject", "waiting_by_webhook", "waiting_by_type")
    return next((name for name, value in zip(names, given, strict=True) if value is not None), "waiting")


async def _find_event(connection: Any, tenant: str, event: str) -> Any | None:
    """The row of `event` in SQL; asked in two steps, so that one day's partition is opened and no other."""
    stored = await connection.fetchrow(SQL["event_place"], tenant, event)
    if stored is None:
        return None
    return await connection.fetchrow(SQL["event"], tenant, stored["place"])


def _event(row: Any) -> EventRow:
    return EventRow(row[0], Event(*tuple(row)[1:10]))


def _then(created: bool, document: bytes | None) -> WebhookThen:
    return WebhookThen(created, None if document is None else msgspec.msgpack.decode(document, type=Webhook))


def _now() -> int:
    """Where lists begin to look; what they find does not depend on it."""
    return time.time_ns() // 1_000_000
