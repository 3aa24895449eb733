"""Lists with several values: read through the index of one, compare the others, and stop while that is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from outrider.ports.ledger import DeliveryQuery, DeliveryRow, Found

Row = TypeVar("Row")
LOOKS = 3  # rows looked at for each that a page may hold


def through(rows: Iterable[Row], fits: Callable[[Row], bool], limit: int) -> Found[Row]:
    """Of rows in the order of the list, the first `limit` that fit, among the first LOOKS times as many."""
    kept: list[Row] = []
    last: Row | None = None
    for number, row in enumerate(rows):
        if len(kept) == limit or number == LOOKS * limit:
            return Found(kept, last)
        if fits(row):
            kept.append(row)
        last = row
    return Found(kept, None)


def comparing(query: DeliveryQuery) -> Callable[[DeliveryRow], bool]:
    """Whether a row has the values asked for."""

    def fits(row: DeliveryRow) -> bool:
        return (
            query.subject in (None, row.subject)
            and query.webhook in (None, row.webhook)
            and query.type in (None, row.event_type)
        )

    return fits


def is_read_in_order(query: DeliveryQuery) -> bool:
    """Whether one index has it all: those of an event are few, whatever else is asked for."""
    named = [value for value in (query.subject, query.webhook, query.type) if value is not None]
    return query.event is not None or len(named) < 2
