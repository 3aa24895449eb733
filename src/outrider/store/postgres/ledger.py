"""`ports.ledger.Ledger` on PostgreSQL: reads only."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import msgspec

from outrider.domain.breaker import Health
from outrider.domain.model import Event, Webhook
from outrider.ports.ledger import (
    DeliveryQuery,
    DeliveryRow,
    EventQuery,
    EventRow,
    Found,
    LedgerLine,
    SkipRow,
    WebhookThen,
)
from outrider.store.looking import (
    LOOKS,
    best_of,
    comparing,
    comparing_events,
    order_of_deliveries,
    order_of_events,
    through,
    ways,
)
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


class _Look(NamedTuple):
    """A list of deliveries read through the index of one of the values asked for; see `ways`."""

    tenant: str
    query: DeliveryQuery
    way: str


class PostgresLedger:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._days = Days(connections)

    async def events(self, tenant: str, query: EventQuery, before: int | None, limit: int) -> Found[EventRow]:
        looks = (self._events_by(way, tenant, query, before, limit) for way in ways(query))
        return await best_of(looks, limit, order_of_events)

    async def _events_by(
        self, way: str, tenant: str, query: EventQuery, before: int | None, limit: int
    ) -> Found[EventRow]:
        wanted = _wanted(query, limit)
        below = PAST_EVERY_PLACE if before is None else min(before, PAST_EVERY_PLACE)
        if query.until is not None:
            below = min(below, first_place(query.until))
        name, given = (f"events_by_{way}", (getattr(query, way),)) if way else ("events", ())
        found: list[EventRow] = []
        for since, until in spans(min(place_instant(below), _now()), query.since, await self._days.oldest()):
            bottom, top = first_place(since), min(below, first_place(until))
            if bottom < top:
                found += map(_event, await self._fetch(name, tenant, top, bottom, wanted - len(found), *given))
            if len(found) == wanted:
                break
        return through(found, comparing_events(query), limit)

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
    ) -> Found[DeliveryRow]:
        """What waits is read first, then what ended, as many days as the page needs: a delivery that ends meanwhile
        is in both, and shown as ended."""
        parts = await self._parts(tenant, query, before)
        looks = (self._deliveries_by(_Look(tenant, query, way), parts, limit) for way in ways(query))
        return await best_of(looks, limit, order_of_deliveries)

    async def _deliveries_by(self, look: _Look, parts: list[IdSpan], limit: int) -> Found[DeliveryRow]:
        query, wanted = look.query, _wanted(look.query, limit)
        rows: dict[str, Any] = {}
        if query.state in {None, "waiting"}:
            for part in whole(parts):
                found = await self._waiting(look, part, wanted - len(rows))
                rows |= {row[0]: row for row in found}
        if query.state != "waiting":
            for part in parts:
                await self._add_ended(rows, look, part, wanted)
        newest_first = (DeliveryRow(*rows[delivery]) for delivery in sorted(rows, reverse=True)[:wanted])
        return through(newest_first, comparing(query), limit)

    async def _add_ended(self, rows: dict[str, Any], look: _Look, part: IdSpan, limit: int) -> None:
        """Until `limit` rows lie above what was not looked at, or the part is at its end."""
        while missing := max(0, limit - sum(delivery >= part.top for delivery in rows)):
            found = await self._ended(look, part, missing)
            rows |= {row[0]: row for row in found}
            if len(found) < missing:
                return
            part = part._replace(top=found[-1][0])

    async def delivery(self, tenant: str, delivery: str) -> DeliveryRow | None:
        rows = await self._fetch("delivery", tenant, delivery)
        return DeliveryRow(*rows[0]) if rows else None

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
        return {webhook: msgspec.msgpack.decode(document, type=Health) for webhook, document in rows}

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

    async def _waiting(self, look: _Look, part: IdSpan, limit: int) -> list[Any]:
        if part.ahead or look.way == "event":
            name, given = "waiting_ahead" if part.ahead else "waiting_of_event", _all_of(look.query)
        elif look.way:
            name, given = f"waiting_by_{look.way}", (getattr(look.query, look.way),)
        else:
            name, given = "waiting", ()
        return await self._fetch(name, *_bounds(look, part, limit), *given)

    async def _ended(self, look: _Look, part: IdSpan, limit: int) -> list[Any]:
        if part.ahead or look.way == "event":
            name, given = "ended_ahead" if part.ahead else "ended_of_event", _all_of(look.query)
        else:
            fields = ("subject", "webhook", "type")
            name, given = "ended", tuple(getattr(look.query, f) if f == look.way else None for f in fields)
        return await self._fetch(name, *_bounds(look, part, limit), *given, look.query.state)


def _wanted(query: EventQuery | DeliveryQuery, limit: int) -> int:
    """How many rows to ask for: one more than may be looked at."""
    return 1 + (limit if len(ways(query)) == 1 else LOOKS * limit)


def _bounds(look: _Look, part: IdSpan, limit: int) -> tuple[Any, ...]:
    since, until = look.query.since or 0, PAST_EVERY_INSTANT if look.query.until is None else look.query.until
    return look.tenant, part.top, part.bottom, since, until, limit


def _all_of(query: DeliveryQuery) -> tuple[str | None, ...]:
    return query.event, query.subject, query.webhook, query.type


def _event(row: Any) -> EventRow:
    return EventRow(row[0], Event(*tuple(row)[1:10]))


def _then(created: bool, document: bytes | None) -> WebhookThen:
    return WebhookThen(created, None if document is None else msgspec.msgpack.decode(document, type=Webhook))


def _now() -> int:
    """Where lists begin to look; what they find does not depend on it."""
    return time.time_ns() // 1_000_000
