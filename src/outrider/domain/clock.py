"""Instants are integers: milliseconds since 1970-01-01 UTC. This file is the only place that formats them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from outrider.domain.errors import InvalidField

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def iso(at: int) -> str:
    """`at` as ISO 8601 UTC with milliseconds and `Z`, the form of LoginRadius' dates."""
    return f"{_second(at // 1000)}.{at % 1000:03d}Z"


@lru_cache(64)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_iso(text: str, field: str) -> int:
    """The instant an ISO 8601 text with an offset names; anything else is the caller's error."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidField(field, "an ISO 8601 date with offset, as 2026-01-31T09:30:00.000Z", text[:40])
    return int(moment.timestamp() * 1000)
