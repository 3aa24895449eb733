"""Looking back: lists with cursors that stay stable while rows arrive, and the fate of one event."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from outrider.domain.errors import InvalidField, NotFound
from outrider.ports.ledger import DeliveryQuery, DeliveryRow, EventQuery, EventRow, Ledger, LedgerLine, SkipRow

LARGEST_PAGE = 200
Row = TypeVar("Row")


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """Rows, newest first, and the cursor of the next page; None when this is the last."""

    rows: list[Row]
    next: str | None


class Fate(msgspec.Struct, frozen=True):
    """An event with what became of it everywhere."""

    row: EventRow
    deliveries: list[DeliveryRow]
    skips: list[SkipRow]


class History:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def events(self, tenant: str, query: EventQuery, cursor: str | None, limit: int) -> Page[EventRow]:
        before = _opened(cursor)
        if before is not None and not before.isdigit():
            raise _foreign()
        rows = await self._ledger.events(
            tenant, query, None if before is None else int(before), _checked(limit) + 1
        )
        return _page(rows, limit, lambda row: str(row.place))

    async def event(self, tenant: str, event: str) -> Fate:
        row = await self._ledger.event(tenant, event)
        if row is None:
            raise NotFound("event", event[:60])
        deliveries: list[DeliveryRow] = []
        cursor: str | None = None
        while True:
            page = await self.deliveries(tenant, DeliveryQuery(event=event), cursor, LARGEST_PAGE)
            deliveries += page.rows
            if (cursor := page.next) is None:
                break
        return Fate(row, deliveries, await self._ledger.skips(tenant, event))

    async def deliveries(
        self, tenant: str, query: DeliveryQuery, cursor: str | None, limit: int
    ) -> Page[DeliveryRow]:
        rows = await self._ledger.deliveries(tenant, query, _opened(cursor), _checked(limit) + 1)
        return _page(rows, limit, lambda row: row.id)

    async def delivery(self, tenant: str, delivery: str) -> tuple[DeliveryRow, list[LedgerLine]]:
        row = await self._ledger.delivery(tenant, delivery)
        if row is None:
            raise NotFound("delivery", delivery[:60])
        return row, await self._ledger.lines(tenant, delivery)


def _checked(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidField("limit", f"1 to {LARGEST_PAGE}", str(limit))
    return limit


def _foreign() -> InvalidField:
    return InvalidField("cursor", "the Next of an earlier page of the same list", "something else")


def _opened(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        return urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        raise _foreign() from None


def _page(rows: list[Row], limit: int, key: Callable[[Row], str]) -> Page[Row]:
    """The first `limit` rows; one row more than asked for says that there is a next page."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, urlsafe_b64encode(key(kept[-1]).encode()).decode())
