"""`ports.upkeep.Upkeep` and `ports.system.System` on PostgreSQL: days ahead, days gone, and what stands in the
way."""

from __future__ import annotations

from typing import Any

import msgspec

from outrider.domain.clock import DAY, SECOND, iso
from outrider.ports.system import About, NodeRow
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "upkeep.sql")
AHEAD = 3  # days
OLD_SNAPSHOT = 60 * SECOND
TENDING_S = 120.0


class PostgresUpkeep:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def tend(self, oldest: int | None) -> None:
        """By one process at a time: whoever does not get the lock leaves it to the one that has it."""

        async def work(connection: Any) -> int | None:
            if not await connection.fetchval(NODE["one_housekeeper"]):
                return None
            today = await connection.fetchval(NODE["now"]) // DAY * DAY
            for day in range(max(0, today - DAY), today + (AHEAD + 1) * DAY, DAY):
                await connection.execute(SQL["add_day"], day)
            return None if oldest is None else await _drop(connection, oldest // DAY * DAY)

        dropped_before = await self._connections.in_transaction(work, limit_s=TENDING_S)
        gone = 0 if dropped_before is None else 1
        while gone:
            gone = await self._connections.run(lambda c: _forget(c, dropped_before), limit_s=TENDING_S)

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

        return await self._connections.run(work)


class PostgresSystem:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def nodes(self) -> list[NodeRow]:
        rows = await self._connections.run(lambda connection: connection.fetch(NODE["nodes"]))
        return [NodeRow(row[0], row[1], msgspec.json.decode(row[2], type=About)) for row in rows]


async def _forget(connection: Any, before: int | None) -> int:
    """Ids of events that are no longer stored, a bounded number of them; returns how many."""
    return rows_of(await connection.execute(SQL["forget_ids"], before))


async def _drop(connection: Any, before: int) -> int:
    """Drop the days before this one, up to the day of the oldest event that is still owed; returns where that
    is."""
    owed = await connection.fetchval(SQL["oldest_owed"])
    if owed is not None:
        before = min(before, owed // DAY * DAY)
    for row in await connection.fetch(SQL["days"]):
        if iso(before)[:10].replace("-", "") > row["day"]:
            await connection.execute(SQL["drop_day"], row["day"])
    for query in ("forget_stray_events", "forget_stray_lines"):
        await connection.execute(SQL[query], before)
    return before
