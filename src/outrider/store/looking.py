"""Lists with several values: read through the index of one, compare the others, and stop while that is cheap.

Nobody knows beforehand which value is the rarest, so each gets a turn: the index of the rarest is soon at its end,
and then the answer is whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast

from outrider.ports.ledger import DeliveryQuery, DeliveryRow, EventQuery, EventRow, Found

Row = TypeVar("Row")
LOOKS = 3  # rows looked at for each that a page may hold


def ways(query: EventQuery | DeliveryQuery) -> tuple[str, ...]:
    """The fields asked for, each with an index that can be read in the order of the list; "" where none is.

    What an event came to is little, whatever else is asked for.
    """
    if isinstance(query, DeliveryQuery) and query.event is not None:
        return ("event",)
    named = (name for name in ("subject", "webhook", "type") if getattr(query, name, None) is not None)
    return tuple(named) or ("",)


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


def _is_enough(found: Found[Row], limit: int) -> bool:
    """Whether no other way can find more of this page."""
    return found.last is None or len(found.rows) == limit


def best(found: Iterable[Found[Row]], limit: int, order: Callable[[Row], Any]) -> Found[Row]:
    """Of one page looked for in several ways: the first that is enough, or else the one that looked back furthest,
    which has all that the others have. `order` is that of the list."""
    tried = []
    for one in found:
        if _is_enough(one, limit):
            return one
        tried.append(one)
    return min(tried, key=lambda one: order(cast("Row", one.last)))


async def best_of(looks: Iterable[Awaitable[Found[Row]]], limit: int, order: Callable[[Row], Any]) -> Found[Row]:
    """`best` of what is looked up while it is needed."""
    found: list[Found[Row]] = []
    for look in looks:
        found.append(await look)
        if _is_enough(found[-1], limit):
            break
    return best(found, limit, order)


def order_of_events(row: EventRow) -> tuple[int, int]:
    return row.event.accepted, row.place


def order_of_deliveries(row: DeliveryRow) -> str:
    return row.id


def comparing(query: DeliveryQuery) -> Callable[[DeliveryRow], bool]:
    """Whether a row has the values asked for."""

    def fits(row: DeliveryRow) -> bool:
        return (
            query.subject in (None, row.subject)
            and query.webhook in (None, row.webhook)
            and query.type in (None, row.event_type)
        )

    return fits


def comparing_events(query: EventQuery) -> Callable[[EventRow], bool]:
    """The same for events."""
    return lambda row: query.subject in (None, row.event.subject) and query.type in (None, row.event.type)
