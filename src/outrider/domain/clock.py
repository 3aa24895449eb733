"""Instants are integers: milliseconds since 1970-01-01 UTC. This file is the only place that formats them.

There are two clocks (docs/adr/0032). Wall time is what happened when, what is shown and what is signed; it can be
set. Steady time advances with the seconds that pass and is never set; what is due, it says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from outrider.domain.errors import InvalidField

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_DATE = 40  # characters
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
JUMP = 2 * SECOND  # the clocks differ by more than that from one heartbeat to the next: somebody set the wall clock


class Anchor(msgspec.Struct, frozen=True):
    """One moment on both clocks, kept by the store so that steady time goes on when a process ends."""

    steady: int
    wall: int

    def at(self, wall: int) -> int:
        """Steady time at `wall`. A wall clock that was set back meanwhile does not take steady time back."""
        return self.steady + max(0, wall - self.wall)

    @property
    def ahead(self) -> int:
        """How far steady time is ahead of wall time; 0 for less than a second, which is drift and says nothing."""
        ahead = self.steady - self.wall
        return ahead if abs(ahead) >= SECOND else 0

    def jump(self, later: Anchor) -> int:
        """How far the wall clock was set from this moment to a later one."""
        return (later.wall - self.wall) - (later.steady - self.steady)


def iso(at: int) -> str:
    """`at` as ISO 8601 UTC with milliseconds and `Z`, the form of LoginRadius' dates."""
    return f"{_second(at // 1000)}.{at % 1000:03d}Z"


@lru_cache(64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def parse_iso(text: str, field: str) -> int:
    """The instant an ISO 8601 text with an offset names; anything else is the caller's error.

    An instant before the year 1 or after 9999 in UTC has no such text, so it is refused too.
    """
    try:
        moment = datetime.fromisoformat(text) if len(text) <= LONGEST_DATE else None
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        at = (moment - _EPOCH) // _MILLISECOND
        if _EARLIEST <= at <= LATEST:
            return at
    raise InvalidField(field, "an ISO 8601 date with offset, as 2026-01-31T09:30:00.000Z", text[:40])
