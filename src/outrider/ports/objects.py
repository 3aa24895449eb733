"""Reading custom objects. Used by `app/objects.py`; changes go through `Queue.accept` with their events."""

from __future__ import annotations

from typing import Protocol

from outrider.domain.custom_object import CustomObject


class ObjectMoved(Exception):
    """A record is not at the revision its change was made for; nothing was stored. `args[0]` is its id."""


class ObjectFull(Exception):
    """A new record would be one more than MOST_RECORDS of its object and user; nothing was stored."""


class CustomObjects(Protocol):
    async def records(self, tenant: str, uid: str, name: str) -> list[CustomObject]:
        """All records of this object about this user, oldest first; never more than MOST_RECORDS."""
        ...

    async def record(self, tenant: str, uid: str, name: str, record: str) -> CustomObject | None: ...
