"""Where a list looks, a bounded number of days at a time: the last day first, then further back in growing steps.

Ids of deliveries are UUIDv7, whose first half is the instant they were made, and the ledger's partitions are spans
of ids; events lie in partitions by the instant they were accepted. A page that the last day fills opens the
partitions of that day and the next, however many are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from outrider.domain.clock import DAY
from outrider.domain.ids import is_uuid

CLOCK_SLACK = DAY  # clocks are set back now and then, so instants do not rise with ids and places exactly
PAST_EVERY_ID = "g"  # ids are lower-case hex
PAST_EVERY_INSTANT = 1 << 62
STEPS = (DAY, 8 * DAY, 64 * DAY)


def first_id(at: int) -> str:
    """What every UUIDv7 made at `at` or later is greater than, and no earlier one."""
    digits = f"{max(at, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def id_spans(before: str | None, since: int | None, until: int | None, now: int) -> Iterator[tuple[str, str]]:
    """Spans (from, up to) of ids, highest first, that hold every id below `before` made from `since` until `until`.

    `now` says where ids are likely; what is found does not depend on it.
    """
    top = PAST_EVERY_ID if before is None else before
    bottom = "" if since is None else first_id(since - CLOCK_SLACK)
    newest = now if not is_uuid(top) else made_at(top)
    if until is not None:
        # Ids of the future: made while a clock was far ahead.
        ahead = first_id(max(until, now) + CLOCK_SLACK)
        if ahead < top:
            yield ahead, top
        top = min(top, first_id(until + CLOCK_SLACK))
        newest = min(newest, until + CLOCK_SLACK)
    for step in STEPS:
        floor = first_id(newest - step)
        if floor <= bottom:
            break
        if floor < top:
            yield floor, top
            top = floor
    yield bottom, top


def day_floors(since: int | None, until: int | None, now: int) -> Iterator[int]:
    """Instants to look back to, one after the other; the last one is 0."""
    newest = now if until is None else min(now, until)
    for step in STEPS:
        floor = (newest - step - CLOCK_SLACK) // DAY * DAY
        if floor <= (since or 0):
            break
        yield floor
    yield 0


def made_at(identity: str) -> int:
    """The instant a UUIDv7 was made."""
    return int(identity[:8] + identity[9:13], 16)
