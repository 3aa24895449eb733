"""`ports.objects.CustomObjects` on PostgreSQL, and their changes inside an acceptance's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outrider.domain.custom_object import MOST_RECORDS, CustomObject, ObjectChange
from outrider.ports.objects import ObjectFull, ObjectMoved
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "objects.sql")


class PostgresObjects:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def records(self, tenant: str, uid: str, name: str) -> list[CustomObject]:
        rows = await self._connections.run(lambda c: c.fetch(SQL["records"], tenant, uid, name))
        return [CustomObject(*row) for row in rows]

    async def record(self, tenant: str, uid: str, name: str, record: str) -> CustomObject | None:
        row = await self._connections.run(lambda c: c.fetchrow(SQL["record"], tenant, uid, name, record))
        return None if row is None else CustomObject(*row)


async def change_objects(connection: Any, changes: Sequence[ObjectChange]) -> None:
    """Apply changes in the order given. Raises ObjectMoved or ObjectFull: then the transaction has to be undone."""
    for change in changes:
        r = change.record
        key = (r.tenant, r.uid, r.name, r.id)
        if change.deleted:
            done = await connection.execute(SQL["delete"], *key, r.revision)
        elif r.revision == 1:
            await connection.execute(SQL["lock_user"], *key[:3])
            if await connection.fetchval(SQL["count"], *key[:3]) >= MOST_RECORDS:
                raise ObjectFull(r.name)
            done = await connection.execute(SQL["insert"], *key, r.data, r.created, r.modified, r.revision)
        else:
            done = await connection.execute(SQL["update"], *key, r.data, r.modified, r.revision)
        if rows_of(done) == 0:
            raise ObjectMoved(r.id)
