"""`ports.ledger.Ledger` on SQLite: reads only, each list in one read transaction."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import Any

import apsw
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
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.rows import decode_attempt

SQL = load("outrider.store.sqlite", "ledger.sql")
_PAST_EVERY_PLACE = 1 << 62
_PAST_EVERY_ID = "g"  # ids are lower-case hex


class SqliteLedger:
    def __init__(self, readers: Reads) -> None:
        self._readers = readers

    async def events(self, tenant: str, query: EventQuery, before: int | None, limit: int) -> list[EventRow]:
        bindings = msgspec.structs.asdict(query) | {
            "tenant": tenant,
            "before": _PAST_EVERY_PLACE if before is None else before,
            "limit": limit,
        }
        name = "events_by_subject" if query.subject else "events_by_type" if query.type else "events"

        def job(connection: apsw.Connection) -> list[EventRow]:
            return [_event(row) for row in connection.execute(SQL[name], bindings)]

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
        bindings = msgspec.structs.asdict(query) | {
            "tenant": tenant,
            "before": _PAST_EVERY_ID if before is None else before,
            "limit": limit,
        }
        suffix = "_of_event" if query.event else ""

        def job(connection: apsw.Connection) -> list[DeliveryRow]:
            sources: list[Any] = []
            if query.state in (None, "waiting"):
                sources.append(connection.execute(SQL[f"waiting{suffix}"], bindings).fetchall())
            if query.state != "waiting":
                sources.append(connection.execute(SQL[f"ended{suffix}"], bindings).fetchall())
            newest_first = merge(*sources, key=lambda row: row[0], reverse=True)
            return [DeliveryRow(*row) for row in islice(newest_first, limit)]

        return await self._readers.read(job)

    async def delivery(self, tenant: str, delivery: str) -> DeliveryRow | None:
        def job(connection: apsw.Connection) -> DeliveryRow | None:
            for name in ("waiting_one", "ended_one"):
                row = connection.execute(SQL[name], (tenant, delivery)).fetchone()
                if row is not None:
                    return DeliveryRow(*row)
            return None

        return await self._readers.read(job)

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

        return await self._readers.read(job)


def _event(row: tuple[Any, ...]) -> EventRow:
    return EventRow(row[0], Event(*row[1:]))


def _then(created: int, document: bytes | None) -> WebhookThen:
    return WebhookThen(bool(created), None if document is None else msgspec.msgpack.decode(document, type=Webhook))
