"""`ports.upkeep.Upkeep` and `ports.system.System` on PostgreSQL: days ahead, days gone, and what stands in the
way."""

from __future__ import annotations

from typing import Any

import msgspec

from outrider.domain.clock import DAY, SECOND, iso
from outrider.ports.system import About, NodeRow
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.migrate import Migration, finish
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.postgres.spans import PAST_EVERY_INSTANT
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "upkeep.sql")
AHEAD = 3  # days
OLD_SNAPSHOT = 60 * SECOND
TENDING_S = 120.0


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
        for day in await self._connections.run(lambda c: c.fetch(SQL["days_before"], _named(before))):
            if await self._step("drop_day", day[0], before) is None:
                return
        for query in ("forget_stray_events", "forget_stray_lines", "forget_ids"):
            while done := await self._step(query, before, before):
                pass
            if done is None:
                return

    async def _step(self, query: str, binding: object, before: int) -> int | None:
        """How many rows it touched; None when it has to wait, because something from before is owed again, or
        because another process keeps house."""

        async def work(connection: Any) -> int | None:
            if not await connection.fetchval(NODE["one_housekeeper"]):
                return None
            await connection.execute(SQL["stop_owing"])
            if await _first_owed(connection) < before:
                return None
            return rows_of(await connection.execute(SQL[query], binding))

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
            stray = await connection.fetchval(SQL["stray"])
            if stray:
                found.append(
                    f"{stray} rows lie outside every day's partition: the clock of a node is or was far off"
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


async def _first_owed(connection: Any) -> int:
    """The beginning of the day of the oldest event that is still owed."""
    owed: int | None = await connection.fetchval(SQL["oldest_owed"])
    return PAST_EVERY_INSTANT if owed is None else owed // DAY * DAY


def _named(day: int) -> str:
    """As partitions are named: YYYYMMDD."""
    return iso(day)[:10].replace("-", "")
