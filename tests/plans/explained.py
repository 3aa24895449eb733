"""Every statement of a store explained as it runs: how many rows its plan read, and by which conditions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.store.postgres.connections import Connections

# As if nobody had ever analyzed or vacuumed the large tables.
FORGET = """
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relname ~ '^(event|ledger|queue)');
UPDATE pg_class SET reltuples = -1, relpages = 0
WHERE relname ~ '^(event|ledger|queue)' AND relkind IN ('r', 'i', 'p', 'I')
"""
LIMIT_S = 60.0  # explaining runs each statement a second time, and measures every node of its plan


class Scan(msgspec.Struct, frozen=True):
    """A table read by a plan. `rows` were fetched, whether they passed its filter or not."""

    table: str
    kind: str
    condition: str
    rows: float


class Explained(msgspec.Struct, frozen=True):
    statement: str
    scans: tuple[Scan, ...]
    plan: str


class ExplainedConnections(Connections):
    """Connections whose statements are explained; what explaining changes is rolled back before they run.

    `without_statistics` explains them as if nobody had ever analyzed the large tables.
    """

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections._pool, None)
        self.statements: list[Explained] = []
        self.without_statistics = False

    async def _use(self, work: Any, limit_s: float) -> Any:
        return await super()._use(lambda c: work(_Explaining(c, self)), LIMIT_S)

    @property
    def rows(self) -> int:
        """All rows read since the last `clear`, but for those of the server's own catalogue."""
        scans = [scan for one in self.statements for scan in one.scans]
        return round(sum(scan.rows for scan in scans if not scan.table.startswith("pg_")))

    def clear(self) -> None:
        self.statements.clear()


class _Explaining:
    """Stands for a connection."""

    def __init__(self, connection: Any, owner: ExplainedConnections) -> None:
        self._connection = connection
        self._owner = owner

    def transaction(self, **options: Any) -> Any:
        """Not read-only, because explaining takes statistics away."""
        return self._connection.transaction(**{**options, "readonly": False})

    async def execute(self, statement: str, *bindings: Any) -> Any:
        await self._explain(statement, bindings)
        return await self._connection.execute(statement, *bindings)

    async def fetch(self, statement: str, *bindings: Any) -> Any:
        await self._explain(statement, bindings)
        return await self._connection.fetch(statement, *bindings)

    async def fetchrow(self, statement: str, *bindings: Any) -> Any:
        await self._explain(statement, bindings)
        return await self._connection.fetchrow(statement, *bindings)

    async def fetchval(self, statement: str, *bindings: Any) -> Any:
        await self._explain(statement, bindings)
        return await self._connection.fetchval(statement, *bindings)

    async def _explain(self, statement: str, bindings: tuple[Any, ...]) -> None:
        transaction = self._connection.transaction()
        await transaction.start()
        if self._owner.without_statistics:
            await self._connection.execute(FORGET)
        text = await self._connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", *bindings)
        await transaction.rollback()
        plan = json.loads(text)[0]["Plan"]
        self._owner.statements.append(Explained(statement, tuple(scans_of(plan)), text))


def scans_of(node: dict[str, Any]) -> Iterator[Scan]:
    """A bitmap's rows are counted where its heap is read."""
    if "Relation Name" in node and "Scan" in node["Node Type"]:
        removed = sum(node.get(key, 0) for key in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
        yield Scan(
            node["Relation Name"],
            node["Node Type"],
            node.get("Index Cond", ""),
            (node["Actual Rows"] + removed) * node["Actual Loops"],
        )
    for child in node.get("Plans", ()):
        yield from scans_of(child)
