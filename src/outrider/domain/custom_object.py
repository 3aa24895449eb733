"""Custom objects: records a tenant keeps about its users, and the changes that commit with their events."""

from __future__ import annotations

import msgspec

MOST_RECORDS = 100  # of one object about one user; so a list of them is always whole


class CustomObject(msgspec.Struct, frozen=True):
    """One record of the object `name` (lower case) about the user `uid`. Instants as in `model.py`.

    `data` is the JSON object, sealed for this record. `revision` is 1 for a new record and rises by one with every
    change.
    """

    id: str
    tenant: str
    uid: str
    name: str
    data: bytes
    created: int
    modified: int
    revision: int


class ObjectChange(msgspec.Struct, frozen=True):
    """A record as it is after the change, or as it was when `deleted`.

    Holds only while what is stored is at the revision before it: none for a new record, its own when `deleted`.
    """

    record: CustomObject
    deleted: bool = False
