"""The condition of the whole: who takes part, how much is owed, and what an operator should know."""

from __future__ import annotations

import msgspec

from outrider.ports.queue import Queue
from outrider.ports.system import NodeRow
from outrider.ports.system import System as Processes
from outrider.ports.upkeep import Upkeep


class Condition(msgspec.Struct, frozen=True):
    """`owed` counts deliveries of all tenants."""

    store: str
    nodes: list[NodeRow]
    owed: int
    warnings: list[str]


class System:
    """`store` names the kind of store: sqlite or postgresql."""

    def __init__(self, *, store: str, processes: Processes, queue: Queue, upkeep: Upkeep) -> None:
        self._store = store
        self._processes = processes
        self._queue = queue
        self._upkeep = upkeep

    async def condition(self) -> Condition:
        return Condition(
            self._store, await self._processes.nodes(), await self._queue.size(), await self._upkeep.warnings()
        )
