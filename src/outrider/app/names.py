"""Names of event types, and of those they are about, as callers give them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from outrider import catalog
from outrider.catalog import EventType
from outrider.domain.errors import InvalidField

UNKNOWN_EVENT = 1086
SUBJECT_LENGTH = 256
MOST_NAMES = 100  # in a list of event types; the catalogue has fewer


def event_type(name: str, field: str) -> EventType:
    """The type of this name in any case; raises InvalidField (1086) naming `field`."""
    found = catalog.find(name)
    if found is None:
        expected = "an event type of GET /v2/manage/event-types"
        raise InvalidField(field, expected, name[:60], code=UNKNOWN_EVENT)
    return found


def check_count(names: Collection[str], field: str) -> None:
    """Raises InvalidField for a list of more event types than anybody needs."""
    if len(names) > MOST_NAMES:
        raise InvalidField(field, f"at most {MOST_NAMES} event types", f"{len(names)}")


def subject(text: str | None, field: str) -> str | None:
    """The subject that a caller names; raises InvalidField naming `field`."""
    if text is not None and not 1 <= len(text) <= SUBJECT_LENGTH:
        raise InvalidField(field, f"1 to {SUBJECT_LENGTH} characters", f"{len(text)}")
    if text is not None and "\0" in text:
        raise InvalidField(field, "characters other than NUL", "a NUL")
    return text


def subject_of(kind: EventType, payload: Any) -> str | None:
    """Whom a decoded payload is about; raises InvalidField when its Uid or OrgId cannot be a subject."""
    found = kind.subject(payload)
    if found is not None and (len(found) > SUBJECT_LENGTH or "\0" in found):
        expected = f"a Uid, OrgId or organization Id of at most {SUBJECT_LENGTH} characters, none of them NUL"
        raise InvalidField("Data", expected, f"{len(found)} characters")
    return found
