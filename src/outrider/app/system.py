"""The condition of the whole: who takes part, how much is owed, and what an operator should know."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from outrider.ports.queue import Queue
from outrider.ports.system import NodeRow, Turns, TurnsSeen
from outrider.ports.system import System as Processes
from outrider.ports.upkeep import Upkeep


class Condition(msgspec.Struct, frozen=True):
    """`owed` counts deliveries of the tenant that asks; `quarantined` those of them that wait to be sent by hand;
    `turns` are of the process that answers."""

    store: str
    nodes: list[NodeRow]
    owed: int
    quarantined: int
    turns: TurnsSeen
    warnings: list[str]


class System:
    """`store` names the kind of store: sqlite or postgresql. `engine` tells what keeps this process from sending
    for a tenant."""

    def __init__(
        self,
        *,
        store: str,
        processes: Processes,
        queue: Queue,
        upkeep: Upkeep,
        engine: Callable[[str], list[str]],
        turns: Turns,
    ) -> None:
        self._store = store
        self._processes = processes
        self._queue = queue
        self._upkeep = upkeep
        self._engine = engine
        self._turns = turns

    async def condition(self, tenant: str) -> Condition:
        """As `tenant` may see it: nothing in it tells of other tenants."""
        owed, quarantined = await self._queue.size(tenant), await self._queue.quarantined(tenant)
        warnings = [*await self._upkeep.warnings(), *self._engine(tenant)]
        if quarantined:
            warnings.append(
                f"{quarantined} deliveries are quarantined, because Outrider fails to send them; "
                "see their reasons, and resend them once those are mended"
            )
        return Condition(
            self._store, await self._processes.nodes(), owed, quarantined, self._turns.seen(), warnings
        )
