"""Names of event types as callers give them."""

from __future__ import annotations

from outrider import catalog
from outrider.catalog import EventType
from outrider.domain.errors import InvalidField

UNKNOWN_EVENT = 1086


def event_type(name: str, field: str) -> EventType:
    """The type of this name in any case; raises InvalidField (1086) naming `field`."""
    found = catalog.find(name)
    if found is None:
        expected = "an event type of GET /v2/manage/event-types"
        raise InvalidField(field, expected, name[:60], code=UNKNOWN_EVENT)
    return found
