"""A webhook's own delivery options: checked when they are set, so that each one is honoured or refused."""

from __future__ import annotations

from typing import Any

import msgspec

from outrider.domain.clock import DAY
from outrider.domain.delivery import SVIX_SCHEDULE
from outrider.domain.errors import InvalidField
from outrider.domain.fanout import filter_of
from outrider.domain.filters import FilterError
from outrider.domain.model import Ordering

MOST_WAITS = 50
LONGEST_WAIT_S = 7 * DAY // 1000
LEAST_WAIT_S = 0.001  # what is kept is milliseconds
LARGEST_FILTER = 16 * 1024  # bytes of JSON
MOST_CONCURRENCY = 512
MOST_PER_SECOND = 10_000.0
LEAST_PER_SECOND = 0.01
_SCHEDULES = {"default": None, "svix": SVIX_SCHEDULE}


def timeout(seconds: float | None) -> int | None:
    """Milliseconds from `Timeout`, 1 to 30 seconds; None is the default."""
    if seconds is None:
        return None
    if not 1 <= seconds <= 30:
        raise InvalidField("Timeout", "1 to 30 seconds", f"{seconds}")
    return round(seconds * 1000)


def schedule(given: str | list[float] | None) -> tuple[int, ...] | None:
    """The waits between attempts in milliseconds; None is the default schedule."""
    if given is None:
        return None
    if isinstance(given, str):
        if given.lower() not in _SCHEDULES:
            raise InvalidField("RetrySchedule", '"default", "svix" or a list of seconds', given[:40])
        return _SCHEDULES[given.lower()]
    if len(given) > MOST_WAITS:
        raise InvalidField("RetrySchedule", f"at most {MOST_WAITS} waits", f"{len(given)}")
    for index, wait in enumerate(given):
        if not LEAST_WAIT_S <= wait <= LONGEST_WAIT_S:
            raise InvalidField(f"RetrySchedule[{index}]", f"{LEAST_WAIT_S} to {LONGEST_WAIT_S} seconds", f"{wait}")
    return tuple(round(wait * 1000) for wait in given)


def shown_schedule(waits: tuple[int, ...] | None) -> str | list[float]:
    """As `schedule` takes it."""
    for name, known in _SCHEDULES.items():
        if waits == known:
            return name
    return [wait / 1000 for wait in waits or ()]


def concurrency(given: int | None) -> int | None:
    if given is not None and not 1 <= given <= MOST_CONCURRENCY:
        raise InvalidField("MaxConcurrency", f"1 to {MOST_CONCURRENCY} attempts at a time", f"{given}")
    return given


def rate(given: float | None) -> float | None:
    if given is not None and not LEAST_PER_SECOND <= given <= MOST_PER_SECOND:
        expected = f"{LEAST_PER_SECOND} to {MOST_PER_SECOND:.0f} attempts per second"
        raise InvalidField("RateLimit", expected, f"{given}")
    return given


def ordering(given: str | None) -> Ordering:
    try:
        return Ordering("none" if given is None else given.lower())
    except ValueError:
        raise InvalidField("Ordering", ", ".join(Ordering), (given or "")[:40]) from None


def event_filter(given: dict[str, Any] | None, field: str = "Filter") -> str | None:
    """The filter as JSON, known to compile; None passes everything."""
    if given is None:
        return None
    encoded = msgspec.json.encode(given)
    if len(encoded) > LARGEST_FILTER:
        raise InvalidField(field, f"a filter of at most {LARGEST_FILTER} bytes", f"{len(encoded)} bytes")
    text = encoded.decode()
    try:
        filter_of(text)
    except FilterError as error:
        place = f"{field}.{error.place}" if error.place else field
        raise InvalidField(place, error.expected, error.given) from error
    return text
