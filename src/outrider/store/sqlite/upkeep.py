"""`ports.upkeep.Upkeep` and `ports.system.System` on SQLite: what is too old goes, a little at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from outrider.ports.system import About, NodeRow
from outrider.store.queries import load
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.writer import Writer

SQL = load("outrider.store.sqlite", "upkeep.sql")
AT_ONCE = 500  # rows in a commit, so that intake does not wait


class SqliteUpkeep:
    """`now` is the process' clock (ms)."""

    def __init__(self, writer: Writer, readers: Reads, now: Callable[[], int]) -> None:
        self._writer = writer
        self._readers = readers
        self._now = now

    async def tend(self, oldest: int | None) -> None:
        """Events before lines: a job takes an event whose line of a skip is gone for one that was sent."""
        if oldest is None:
            return
        for (tenant,) in await self._read("tenants", ()):
            await self._drop_events(tenant, oldest)
        await self._drop_lines(oldest)

    async def _drop_events(self, tenant: int, oldest: int) -> None:
        given = {"tenant": tenant, "oldest": oldest, "limit": AT_ONCE, "at": -1, "place": 0}
        while rows := await self._read("old_events", given):
            given["at"], given["place"], _ = rows[-1]
            await self._drop("drop_events", [place for _, place, owed in rows if not owed])

    async def _drop_lines(self, oldest: int) -> None:
        """Lines have no index by their instants, which rise with their places: this stops at the first one that is
        young. After a clock was set back, old lines behind it stay for as long again; what a clock that was ahead
        wrote is passed over."""
        given = {"oldest": oldest, "limit": AT_ONCE, "place": 0}
        while rows := await self._read("next_lines", given):
            given["place"] = rows[-1][0]
            await self._drop("drop_lines", [line for line, at, owed in rows if at < oldest and not owed])
            if any(oldest <= at <= self._now() for _, at, _ in rows):
                return

    async def _read(self, query: str, bindings: Any) -> list[Any]:
        return await self._readers.read(lambda connection: connection.execute(SQL[query], bindings).fetchall())

    async def _drop(self, query: str, places: list[int]) -> None:
        if places:
            bindings = (msgspec.json.encode(places).decode(),)
            await self._writer.submit(lambda connection: connection.execute(SQL[query], bindings).fetchall())

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
