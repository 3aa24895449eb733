"""Instants inside ids and places, and the spans of days a list looks at: the last day first, then growing ones.

Ids of deliveries are UUIDv7, whose first half is the instant they were made; the place of an event begins with the
instant it was accepted. Partitions are spans of ids and of places, so that a list which looks at some days opens no
others, however many are kept. No statement looks at more than MOST at once: it locks every partition and index it
might read, and a server's lock table has a few thousand places.
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
MOST = 64 * DAY
_GROWTH = 8
_PLACES = 20  # bits of a place that tell events of one instant apart


def first_id(at: int) -> str:
    """What every UUIDv7 made at `at` or later is greater than, and no earlier one."""
    if at >= PAST_EVERY_INSTANT:
        return PAST_EVERY_ID
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


def spans(newest: int, since: int | None, oldest: int, first: int = DAY) -> Iterator[tuple[int, int]]:
    """Spans (from, up to) of instants that hold every one from `since` on, highest first.

    `newest` is where to begin, with a span of `first`, and before `oldest` there are no days of their own: both say
    where to look, and leave nothing out.
    """
    bottom = since or 0
    top, width = PAST_EVERY_INSTANT, first
    floor = newest - first
    while floor > max(bottom, oldest):
        yield floor, top
        top, width = floor, min(_GROWTH * width, MOST)
        floor -= width
    if bottom < oldest < top:
        yield oldest, top
        top = oldest
    yield bottom, top


class IdSpan(NamedTuple):
    """Ids below `top`, from `bottom` on; with `ahead` only those that are ahead of their instant."""

    top: str
    bottom: str
    ahead: bool = False


def id_spans(before: str | None, since: int | None, until: int | None, now: int, oldest: int) -> Iterator[IdSpan]:
    """Highest first, spans that hold every id below `before` of a delivery made from `since` until `until`.

    `now` and `oldest` say where to look, as in `spans`.
    """
    below = PAST_EVERY_ID if before is None else before
    newest = min(id_instant(below, now), now)
    if until is not None:
        yield from _within(below, spans(newest, until + AHEAD, oldest), ahead=True)
        below = min(below, first_id(until + AHEAD))
        newest = min(newest, until + AHEAD)
    yield from _within(below, spans(newest, None if since is None else since - AHEAD, oldest), ahead=False)


def _within(below: str, instants: Iterator[tuple[int, int]], *, ahead: bool) -> Iterator[IdSpan]:
    for since, until in instants:
        span = IdSpan(min(below, first_id(until)), first_id(since), ahead)
        if span.bottom < span.top:
            yield span


def whole(parts: Sequence[IdSpan]) -> list[IdSpan]:
    """The same for a table that is not partitioned: spans that adjoin as one."""
    found = []
    for ahead in (True, False):
        alike = [part for part in parts if part.ahead is ahead]
        if alike:
            found.append(IdSpan(alike[0].top, alike[-1].bottom, ahead))
    return found
