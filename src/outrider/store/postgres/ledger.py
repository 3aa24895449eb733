"""`ports.ledger.Ledger` on PostgreSQL: reads only."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from outrider.domain.breaker import Health
from outrider.domain.delivery import ENDINGS, Line
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
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.days import Days
from outrider.store.postgres.rows import decode_attempt
from outrider.store.postgres.spans import (
    CLOCK_SLACK,
    PAST_EVERY_INSTANT,
    PAST_EVERY_PLACE,
    IdSpan,
    first_id,
    first_place,
    id_spans,
    place_instant,
    spans,
    whole,
)
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "ledger.sql")
# What the statements of lists compare, by the index they read.
_EVENTS_GIVEN = {"": (), "type": ("type",), "subject": ("subject", "type")}
_GIVEN = {
    "": (),
    "event": ("event", "subject", "webhook", "type"),
    AHEAD: ("event", "subject", "webhook", "type"),
    "subject": ("subject", "webhook", "type"),
    "webhook_and_type": ("webhook", "type"),
    "webhook": ("webhook",),
    "type": ("type",),
}


class PostgresLedger:
    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._clock = clock
        self._connections = connections
        self._days = Days(connections)

    async def events(self, tenant: str, query: EventQuery, before: int | None, limit: int) -> list[EventRow]:
        below = PAST_EVERY_PLACE if before is None else min(before, PAST_EVERY_PLACE)
        if query.until is not None:
            below = min(below, first_place(query.until))
        by = read_by(query)
        name, given = statement("events", by), [getattr(query, field) for field in _EVENTS_GIVEN[by]]
        found: list[EventRow] = []
        for since, until in spans(min(place_instant(below), _now()), query.since, await self._days.oldest()):
            bottom, top = first_place(since), min(below, first_place(until))
            if bottom < top:
                found += map(_event, await self._fetch(name, tenant, top, bottom, limit - len(found), *given))
            if len(found) == limit:
                break
        return found

    async def event(self, tenant: str, event: str) -> EventRow | None:
        row = await self._find_event(tenant, event)
        return None if row is None else _event(row)

    async def skips(self, tenant: str, event: str) -> list[SkipRow]:
        accepted = await self._accepted(tenant, event)
        if accepted is None:
            return []
        span = (first_id(accepted - CLOCK_SLACK), first_id(accepted + CLOCK_SLACK))
        return [SkipRow(*row) for row in await self._fetch("skips", tenant, event, *span)]

    async def deliveries(
        self, tenant: str, query: DeliveryQuery, before: str | None, limit: int
    ) -> list[DeliveryRow]:
        """What waits is read first, then what ended, as many days as the page needs: a delivery that ends meanwhile
        is in both, and shown as ended."""
        parts = await self._parts(tenant, query, before)
        rows: dict[str, Any] = {}
        if query.state in {None, "waiting"}:
            for part in whole(parts):
                found = await self._read("waiting", tenant, query, part, limit - len(rows))
                rows |= {row[0]: row for row in found}
        elif query.state == Line.QUARANTINED:
            for part in whole(parts):
                found = await self._read_quarantined(tenant, query, part, limit - len(rows))
                rows |= {row[0]: row for row in found}
        if query.state in {None, *ENDINGS}:
            for part in parts:
                await self._add_ended(rows, tenant, query, part, limit)
        found = [DeliveryRow(*rows[delivery]) for delivery in sorted(rows, reverse=True)[:limit]]
        return shown(found, self._clock)

    async def _add_ended(
        self, rows: dict[str, Any], tenant: str, query: DeliveryQuery, part: IdSpan, limit: int
    ) -> None:
        """Until `limit` rows lie above what was not looked at, or the part is at its end."""
        while missing := max(0, limit - sum(delivery >= part.top for delivery in rows)):
            found = await self._read("ended", tenant, query, part, missing, query.state)
            rows |= {row[0]: row for row in found}
            if len(found) < missing:
                return
            part = part._replace(top=found[-1][0])

    async def delivery(self, tenant: str, delivery: str) -> DeliveryRow | None:
        rows = await self._fetch("delivery", tenant, delivery)
        return shown([DeliveryRow(*rows[0])], self._clock)[0] if rows else None

    async def lines(self, tenant: str, delivery: str) -> list[LedgerLine]:
        return [
            LedgerLine(line, at, reason, None if attempt is None else decode_attempt(attempt))
            for line, at, reason, attempt in await self._fetch("lines", tenant, delivery)
        ]

    async def webhooks_then(self, tenant: str, event: str) -> dict[str, WebhookThen]:
        found = await self._find_event(tenant, event)
        if found is None:
            return {}
        rows = await self._fetch("webhooks_then", tenant, found["book"])
        return {webhook: _then(created, document) for webhook, created, document in rows}

    async def held_behind(self, tenant: str, delivery: str) -> str | None:
        rows = await self._fetch("held_behind", tenant, delivery)
        return rows[0][0] if rows else None

    async def healths(self, tenant: str) -> dict[str, Health]:
        rows = await self._fetch("healths", tenant)
        found = {webhook: msgspec.msgpack.decode(document, type=Health) for webhook, document in rows}
        return shown_healths(found, self._clock)

    async def _fetch(self, name: str, *bindings: Any) -> list[Any]:
        """Each statement is a transaction, so that locks on many days are never held together."""
        return list(await self._connections.run(lambda connection: connection.fetch(SQL[name], *bindings)))

    async def _find_event(self, tenant: str, event: str) -> Any | None:
        """The row of `event` in SQL; asked in two steps, so that one day's partition is opened and no other."""
        stored = await self._fetch("event_place", tenant, event)
        found = await self._fetch("event", tenant, stored[0]["place"]) if stored else []
        return found[0] if found else None

    async def _accepted(self, tenant: str, event: str) -> int | None:
        rows = await self._fetch("event_place", tenant, event)
        return rows[0]["accepted"] if rows else None

    async def _parts(self, tenant: str, query: DeliveryQuery, before: str | None) -> list[IdSpan]:
        since, until = query.since, query.until
        if query.event is not None:
            accepted = await self._accepted(tenant, query.event)
            if accepted is None:
                return []
            since, until = accepted - CLOCK_SLACK, None
        return list(id_spans(before, since, until, _now(), await self._days.oldest()))

    async def _read(
        self, rows: str, tenant: str, query: DeliveryQuery, part: IdSpan, limit: int, *state: str | None
    ) -> list[Any]:
        """At most `limit` of the "waiting" or "ended" in a part."""
        by = AHEAD if part.ahead else read_by(query)
        since, until = query.since or 0, PAST_EVERY_INSTANT if query.until is None else query.until
        given = [getattr(query, field) for field in _GIVEN[by]]
        return await self._fetch(
            statement(rows, by), tenant, part.top, part.bottom, since, until, limit, *given, *state
        )

    async def _read_quarantined(self, tenant: str, query: DeliveryQuery, part: IdSpan, limit: int) -> list[Any]:
        since, until = query.since or 0, PAST_EVERY_INSTANT if query.until is None else query.until
        given = [getattr(query, field) for field in _GIVEN["event"]]
        return await self._fetch("quarantined", tenant, part.top, part.bottom, since, until, limit, *given)


def _event(row: Any) -> EventRow:
    return EventRow(row[0], Event(*tuple(row)[1:10]))


def _then(created: bool, document: bytes | None) -> WebhookThen:
    return WebhookThen(created, None if document is None else msgspec.msgpack.decode(document, type=Webhook))


def _now() -> int:
    """Where lists begin to look; what they find does not depend on it."""
    return time.time_ns() // 1_000_000
