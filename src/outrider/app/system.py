"""The condition of the whole: who takes part, how much is owed, and what an operator should know."""

from __future__ import annotations

import msgspec

from outrider.ports.queue import Queue
from outrider.ports.system import NodeRow, Turns, TurnsSeen
from outrider.ports.system import System as Processes
from outrider.ports.upkeep import Upkeep


class Condition(msgspec.Struct, frozen=True):
    """`owed` counts deliveries of the tenant that asks; `turns` are of the process that answers."""

    store: str
    nodes: list[NodeRow]
    owed: int
    turns: TurnsSeen
    warnings: list[str]


class System:
    """`store` names the kind of store: sqlite or postgresql."""

    def __init__(self, *, store: str, processes: Processes, queue: Queue, upkeep: Upkeep, turns: Turns) -> None:
        self._store = store
        self._processes = processes
        self._queue = queue
        self._upkeep = upkeep
        self._turns = turns

    async def condition(self, tenant: str) -> Condition:
        """As `tenant` may see it: nothing in it tells of other tenants."""
        return Condition(
            self._store,
            await self._processes.nodes(),
            await self._queue.size(tenant),
            self._turns.seen(),
            await self._upkeep.warnings(),
        )
