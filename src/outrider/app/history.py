"""Looking back: events, deliveries and their attempts, and the fate of one event."""

from __future__ import annotations

import msgspec

from outrider.app.paging import LARGEST_PAGE, Page, checked, opened, page
from outrider.domain.errors import NotFound
from outrider.domain.ids import is_uuid
from outrider.ports.ledger import DeliveryQuery, DeliveryRow, EventQuery, EventRow, Ledger, LedgerLine, SkipRow

FIRST_ROWS = 8  # of a page, read first to see how large its events are
PAGE_BYTES = 4 * 1024 * 1024  # of events; a page with more of them ends early


class Fate(msgspec.Struct, frozen=True):
    """An event with what became of it everywhere."""

    row: EventRow
    deliveries: list[DeliveryRow]
    skips: list[SkipRow]


class History:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def events(self, tenant: str, query: EventQuery, cursor: str | None, limit: int) -> Page[EventRow]:
        key = opened(cursor, _is_mark)
        before: int | None = None
        if key is not None:
            query, before = await self._behind(key, tenant, query)
        rows = await self._ledger.events(tenant, query, before, min(FIRST_ROWS, checked(limit) + 1))
        while rows and (wanted := _wanted(rows, limit)) > 0:
            more = await self._ledger.events(tenant, query, rows[-1].place, wanted)
            if not more:
                break
            rows += more
        return page(rows, limit if _bytes(rows) <= PAGE_BYTES else min(limit, len(rows) - 1), _mark)

    async def _behind(self, mark: str, tenant: str, query: EventQuery) -> tuple[EventQuery, int | None]:
        """Where the list goes on. An event that was dropped since was among the oldest: what is left of those
        accepted before it follows."""
        accepted, _, event = mark.partition(".")
        row = await self._ledger.event(tenant, event)
        if row is not None:
            return query, row.place
        until = int(accepted) if query.until is None else min(query.until, int(accepted))
        return msgspec.structs.replace(query, until=until), None

    async def event(self, tenant: str, event: str) -> Fate:
        row = await self._ledger.event(tenant, event)
        if row is None:
            raise NotFound("event", event[:60])
        deliveries: list[DeliveryRow] = []
        cursor: str | None = None
        while True:
            found = await self.deliveries(tenant, DeliveryQuery(event=event), cursor, LARGEST_PAGE)
            deliveries += found.rows
            if (cursor := found.next) is None:
                break
        return Fate(row, deliveries, await self._ledger.skips(tenant, event))

    async def deliveries(
        self, tenant: str, query: DeliveryQuery, cursor: str | None, limit: int
    ) -> Page[DeliveryRow]:
        rows = await self._ledger.deliveries(tenant, query, opened(cursor, is_uuid), checked(limit) + 1)
        return page(rows, limit, lambda row: row.id)

    async def delivery(self, tenant: str, delivery: str) -> tuple[DeliveryRow, list[LedgerLine]]:
        row = await self._ledger.delivery(tenant, delivery)
        if row is None:
            raise NotFound("delivery", delivery[:60])
        return row, await self._ledger.lines(tenant, delivery)


def _bytes(rows: list[EventRow]) -> int:
    return sum(len(row.event.body) for row in rows)


def _wanted(rows: list[EventRow], limit: int) -> int:
    """How many more rows a page takes, judging by those there are; one more than `limit` says that it is not the
    last."""
    size = _bytes(rows)
    return min(limit + 1 - len(rows), max(1, (PAGE_BYTES - size) * len(rows) // size)) if size <= PAGE_BYTES else 0


def _mark(row: EventRow) -> str:
    """An event as cursors name it: by what it keeps in every store it is moved to, unlike its place."""
    return f"{row.event.accepted}.{row.event.id}"


def _is_mark(key: str) -> bool:
    accepted, _, event = key.partition(".")
    return accepted.isascii() and accepted.isdigit() and len(accepted) <= 15 and is_uuid(event)
