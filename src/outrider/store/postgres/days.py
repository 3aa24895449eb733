"""Which days have partitions."""

from __future__ import annotations

from outrider.store.postgres.connections import Connections
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "days.sql")


class Days:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._oldest: int | None = None

    async def oldest(self) -> int:
        """When the oldest of them began, as far as this process knows: days before it may be dropped meanwhile."""
        if self._oldest is None:
            self._oldest = int(await self._connections.run(lambda connection: connection.fetchval(SQL["oldest"])))
        return self._oldest
