"""Applying changes of custom objects, inside the transaction that stores their events."""

from __future__ import annotations

from collections.abc import Iterable

import apsw
import msgspec

from outrider.domain.custom_object import MOST_RECORDS, CustomObject, ObjectChange
from outrider.ports.objects import ObjectFull, ObjectMoved
from outrider.store.queries import load

SQL = load("outrider.store.sqlite", "objects.sql")


def apply_changes(connection: apsw.Connection, changes: Iterable[ObjectChange]) -> None:
    """Each change, fenced by its record's revision. Raises ObjectMoved, ObjectFull."""
    for change in changes:
        _apply(connection, change)
        if connection.changes() == 0:
            raise ObjectMoved(change.record.id)


def _apply(connection: apsw.Connection, change: ObjectChange) -> None:
    record = change.record
    user = (record.tenant, record.uid, record.name)
    if change.deleted:
        connection.execute(SQL["delete_record"], (*user, record.id, record.revision))
    elif record.revision > 1:
        row = (record.data, record.modified, record.revision, *user, record.id, record.revision - 1)
        connection.execute(SQL["update_record"], row)
    else:
        _insert(connection, record)


def _insert(connection: apsw.Connection, record: CustomObject) -> None:
    stored = connection.execute(SQL["count_records"], (record.tenant, record.uid, record.name)).get
    if stored >= MOST_RECORDS:
        raise ObjectFull(record.name)
    connection.execute(SQL["insert_record"], msgspec.structs.astuple(record))
