"""`ports.objects.CustomObjects` on SQLite: reads only."""

from __future__ import annotations

import apsw

from outrider.domain.custom_object import CustomObject
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads

SQL = load("outrider.store.sqlite", "objects.sql")


class SqliteObjects:
    def __init__(self, readers: Reads) -> None:
        self._readers = readers

    async def records(self, tenant: str, uid: str, name: str) -> list[CustomObject]:
        def job(connection: apsw.Connection) -> list[CustomObject]:
            return [CustomObject(*row) for row in connection.execute(SQL["records"], (tenant, uid, name))]

        return await self._readers.read(job)

    async def record(self, tenant: str, uid: str, name: str, record: str) -> CustomObject | None:
        def job(connection: apsw.Connection) -> CustomObject | None:
            row = connection.execute(SQL["record"], (tenant, uid, name, record)).fetchone()
            return None if row is None else CustomObject(*row)

        return await self._readers.read(job)
