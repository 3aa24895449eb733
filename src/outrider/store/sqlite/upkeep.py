"""`ports.upkeep.Upkeep` and `ports.system.System` on SQLite: what is too old goes, a little at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from outrider.ports.system import About, NodeRow
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.writer import Writer

SQL = load("outrider.store.sqlite", "upkeep.sql")
AT_ONCE = 500  # rows in a commit, so that intake does not wait


class SqliteUpkeep:
    def __init__(self, writer: Writer, readers: Reads) -> None:
        self._writer = writer
        self._readers = readers

    async def tend(self, oldest: int | None) -> None:
        if oldest is None:
            return
        for query in ("drop_lines", "drop_events"):
            while await self._writer.submit(_dropping(query, oldest)):
                pass

    async def warnings(self) -> list[str]:
        """One process owns the file, so nobody stands in its way."""
        return []


class SqliteSystem:
    def __init__(self, readers: Reads, about: About) -> None:
        self._readers = readers
        self._about = about

    async def nodes(self) -> list[NodeRow]:
        """This process; the file's lock keeps others out."""

        def job(connection: apsw.Connection) -> list[NodeRow]:
            rows: list[Any] = connection.execute(SQL["nodes"]).fetchall()
            return [NodeRow(incarnation, seen, self._about) for incarnation, seen in rows]

        return await self._readers.read(job)


def _dropping(query: str, oldest: int) -> Callable[[apsw.Connection], int]:
    def job(connection: apsw.Connection) -> int:
        connection.execute(SQL[query], {"oldest": oldest, "limit": AT_ONCE})
        return connection.changes()

    return job
