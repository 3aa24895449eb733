"""`ports.upkeep.Upkeep` and `ports.system.System` on PostgreSQL: days ahead, days gone, and what stands in the
way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from outrider.domain.clock import DAY, SECOND, iso, parse_iso
from outrider.ports.system import About, NodeRow
from outrider.store.postgres.connections import Connections, Work, rows_of
from outrider.store.postgres.migrate import Migration, finish
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.postgres.spans import AHEAD as ID_AHEAD
from outrider.store.postgres.spans import PAST_EVERY_INSTANT, first_place, id_instant
from outrider.store.queries import load

T = TypeVar("T")
SQL = load("outrider.store.postgres", "upkeep.sql")
AHEAD = 3  # days
OLD_SNAPSHOT = 60 * SECOND
TENDING_S = 120.0
MOST_COUNTED = 10_000  # rows of each table that lie outside every day's partition


class PostgresUpkeep:
    """`known`: the migrations of this version; those that have to wait are applied here."""

    def __init__(self, connections: Connections, known: list[Migration]) -> None:
        self._connections = connections
        self._known = known
        self._wanted: int | None = None  # the day that was to be the oldest, when retention last looked

    async def tend(self, oldest: int | None) -> None:
        """By one process at a time: whoever does not get the lock leaves it to the one that has it.

        Whole days go, from the first on, up to that of the oldest event still owed. Each step is a transaction, so
        that no table is locked for long.
        """
        await self._add_days()
        if oldest is not None:
            await self._drop(oldest // DAY * DAY)
        await finish(self._connections, self._known)

    async def _drop(self, wanted: int) -> None:
        self._wanted = wanted
        before = min(wanted, await self._connections.run(_first_owed, limit_s=TENDING_S))
        for row in await self._connections.run(lambda c: c.fetch(SQL["days_before"], _named(before))):
            if not await self._drop_day(row[0], before):
                return
        for query in ("forget_stray_events", "forget_stray_lines"):
            while done := await self._step(query, before, before):
                pass
            if done is None:
                return

    async def _drop_day(self, day: str, before: int) -> bool:
        """The ids of its events first, because with the day goes what tells them; False when it has to wait."""
        begin = _day(day)
        reached: Sequence[Any] = ("", 0)
        while True:
            given = (*reached, first_place(begin), first_place(begin + DAY))
            found = await self._guarded(before, partial(_forget_ids, given))
            if found is None:
                return False
            if not found:
                return await self._step("drop_day", day, before) is not None
            reached = found[0]

    async def _step(self, query: str, binding: object, before: int) -> int | None:
        """How many rows it touched; None when it has to wait."""
        done = await self._guarded(before, lambda c: c.execute(SQL[query], binding))
        return None if done is None else rows_of(done)

    async def _guarded(self, before: int, act: Work[T]) -> T | None:
        """What `act` returns; None when it has to wait, because something from before is owed again, or because
        another process keeps house."""

        async def work(connection: Any) -> T | None:
            if not await connection.fetchval(NODE["one_housekeeper"]):
                return None
            await connection.execute(SQL["stop_owing"])
            if await _first_owed(connection) < before:
                return None
            return await act(connection)

        return await self._connections.in_transaction(work, limit_s=TENDING_S)

    async def _add_days(self) -> None:
        async def work(connection: Any) -> None:
            if not await connection.fetchval(NODE["one_housekeeper"]):
                return
            today = await connection.fetchval(NODE["now"]) // DAY * DAY
            for day in range(max(0, today - DAY), today + (AHEAD + 1) * DAY, DAY):
                await connection.execute(SQL["add_day"], day)

        await self._connections.in_transaction(work, limit_s=TENDING_S)

    async def warnings(self) -> list[str]:
        async def work(connection: Any) -> list[str]:
            found = []
            snapshot = await connection.fetchrow(SQL["oldest_snapshot"])
            if snapshot is not None and snapshot["age"] >= OLD_SNAPSHOT:
                found.append(
                    f"a snapshot is held open for {snapshot['age'] // 1000} s by {snapshot['name']}: dead rows "
                    "cannot be cleared away while it lasts, so the queue slows down; end that transaction"
                )
            stray = await connection.fetchval(SQL["stray"], MOST_COUNTED)
            if stray:
                count = f"{stray} or more" if stray >= MOST_COUNTED else str(stray)
                found.append(
                    f"{count} rows lie outside every day's partition: the clock of a node is or was far off"
                )
            return found

        return await self._connections.run(work) + await self._held_up()

    async def _held_up(self) -> list[str]:
        """What retention should have dropped, were it not still owed."""
        if self._wanted is None:
            return []
        first = await self._connections.run(_first_owed)
        if first >= self._wanted:
            return []
        told = (
            f"events since {iso(first)[:10]} are kept beyond the retention time, because one of them is still "
            "owed: a webhook that is paused or failing, whose backlog has to be sent or deleted"
        )
        return [told]


class PostgresSystem:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def nodes(self) -> list[NodeRow]:
        rows = await self._connections.run(lambda connection: connection.fetch(NODE["nodes"]))
        return [NodeRow(row[0], row[1], msgspec.json.decode(row[2], type=About)) for row in rows]


async def _forget_ids(given: Sequence[Any], connection: Any) -> list[Any]:
    return list(await connection.fetch(SQL["forget_ids"], *given))


async def _first_owed(connection: Any) -> int:
    """The beginning of the day of the oldest event that is still owed, or of the day before."""
    first, again, ahead = await connection.fetchrow(SQL["oldest_owed"])
    bounds = [instant for instant in (again, ahead) if instant is not None]
    if first is not None:
        bounds.append(max(0, id_instant(first, 0) - ID_AHEAD))
    return min(bounds) // DAY * DAY if bounds else PAST_EVERY_INSTANT


def _named(day: int) -> str:
    """As partitions are named: YYYYMMDD."""
    return iso(day)[:10].replace("-", "")


def _day(named: str) -> int:
    return parse_iso(f"{named[:4]}-{named[4:6]}-{named[6:]}T00:00:00Z", "day")
