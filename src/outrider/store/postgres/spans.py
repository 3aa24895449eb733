"""Instants inside ids and places, and where a list looks: the last day first, then further back in growing steps.

Ids of deliveries are UUIDv7, whose first half is the instant they were made; the place of an event begins with the
instant it was accepted. Partitions are spans of ids and of places, so that a list which looks at some days opens no
others, however many are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from outrider.domain.clock import DAY, SECOND
from outrider.domain.ids import is_uuid

CLOCK_SLACK = DAY  # clocks of nodes differ, and are set back; by more than that only after a mishap
AHEAD = 10 * SECOND  # ids that are further ahead of their instants than that are in indexes of their own
PAST_EVERY_ID = "g"  # ids are lower-case hex
PAST_EVERY_PLACE = 1 << 62
PAST_EVERY_INSTANT = 1 << 62
_PLACES = 20  # bits of a place that tell events of one instant apart
_STEPS = (DAY, 8 * DAY, 64 * DAY)


def first_id(at: int) -> str:
    """What every UUIDv7 made at `at` or later is greater than, and no earlier one."""
    digits = f"{max(at, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def id_instant(identity: str, otherwise: int) -> int:
    """When a UUIDv7 was made; `otherwise` for what is none."""
    return int(identity[:8] + identity[9:13], 16) if is_uuid(identity) else otherwise


def first_place(at: int) -> int:
    """The least place of an event accepted at `at` or later."""
    return min(max(at, 0) << _PLACES, PAST_EVERY_PLACE)


def place(at: int, number: int) -> int:
    """The place of an event accepted at `at`; `number` is of a sequence."""
    return first_place(at) | number & (1 << _PLACES) - 1


def place_instant(place: int) -> int:
    """When the event at `place` was accepted."""
    return place >> _PLACES


class IdSpan(NamedTuple):
    """Ids below `top`, from `bottom` on; with `ahead` only those that are ahead of their instant."""

    top: str
    bottom: str
    ahead: bool = False


def id_spans(before: str | None, since: int | None, until: int | None, now: int) -> Iterator[IdSpan]:
    """Highest first, spans that hold every id below `before` of a delivery made from `since` until `until`.

    `now` says where ids are likely; what is found does not depend on it.
    """
    top = PAST_EVERY_ID if before is None else before
    newest = min(id_instant(top, now), now)
    if until is not None:
        bottom = first_id(until + AHEAD)
        if bottom < top:
            yield IdSpan(top, bottom, ahead=True)
            top = bottom
        newest = min(newest, until + AHEAD)
    for floor in floors(newest, None if since is None else since - AHEAD):
        bottom = first_id(floor)
        if bottom < top:
            yield IdSpan(top, bottom)
            top = bottom


def whole(spans: Sequence[IdSpan]) -> list[IdSpan]:
    """The same spans for a table that is not partitioned: those that adjoin as one."""
    ahead = [span for span in spans if span.ahead]
    others = [span for span in spans if not span.ahead]
    return [*ahead, IdSpan(others[0].top, others[-1].bottom)] if others else ahead


def floors(newest: int, since: int | None) -> Iterator[int]:
    """Instants to look back to from `newest`, each earlier than the one before; the last one is `since`, or 0."""
    for step in _STEPS:
        if newest - step <= (since or 0):
            break
        yield newest - step
    yield since or 0
