"""Looking back: events, deliveries and their attempts, and the fate of one event."""

from __future__ import annotations

import msgspec

from outrider.app.paging import LARGEST_PAGE, Page, checked, is_place, opened, page
from outrider.domain.errors import NotFound
from outrider.domain.ids import is_uuid
from outrider.ports.ledger import DeliveryQuery, DeliveryRow, EventQuery, EventRow, Ledger, LedgerLine, SkipRow


class Fate(msgspec.Struct, frozen=True):
    """An event with what became of it everywhere."""

    row: EventRow
    deliveries: list[DeliveryRow]
    skips: list[SkipRow]


class History:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def events(self, tenant: str, query: EventQuery, cursor: str | None, limit: int) -> Page[EventRow]:
        before = opened(cursor, is_place)
        rows = await self._ledger.events(tenant, query, None if before is None else int(before), checked(limit) + 1)
        return page(rows, limit, lambda row: str(row.place))

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
