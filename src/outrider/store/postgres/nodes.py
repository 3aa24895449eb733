"""This process among those that share the store: its heartbeat, and the leases of those that fell silent."""

from __future__ import annotations

import asyncio
import logging
import os
from base64 import b64encode
from typing import Any

from outrider.domain.clock import Anchor
from outrider.domain.errors import StoreTooNew, StoreUnavailable
from outrider.domain.outage import Outage
from outrider.ports.clock import Clock
from outrider.ports.queue import Pulse
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.rows import SQL as QUEUE
from outrider.store.postgres.rows import columns
from outrider.store.postgres.steady import SteadyTime
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "node.sql")
log = logging.getLogger("outrider.store")
RELEASED = 2_000  # deliveries at a time: a statement over all that many dead processes held would never end in time
RESCUE_S = 1.0  # for one take-over: two of them and a rest have to fit into the time we may count on our leases


class Nodes:
    """`dispatches`: whether this process sends. `keeps_house`: whether it may take over from silent ones. `about`
    describes it (JSON, `ports/system.py`). `schema` is the last migration it knows."""

    def __init__(
        self,
        connections: Connections,
        incarnation: str,
        *,
        clock: Clock,
        dispatches: bool,
        keeps_house: bool,
        about: str,
        schema: int,
    ) -> None:
        self._connections = connections
        self.incarnation = incarnation
        self._dispatches = dispatches
        self._keeps_house = keeps_house
        self._about = about
        self._schema = schema
        self._beaten = False
        self._outage = Outage()
        self._steady_time = SteadyTime(clock)
        self._clock = clock
        self._sure_at = 0  # steady time: nobody is given up before

    async def join(self, connection: Any) -> None:
        """Be known before the first beat, in the transaction that looks at the store's version: until this process
        leaves or is given up, nobody takes away what it needs."""
        await connection.execute(SQL["join"], self.incarnation, self._about)

    async def beat(self, dead_after: int, doubts: Doubts) -> Pulse:
        """As `Queue.heartbeat`, by the database's clock.

        Nobody is given up in our first beat, nor in the first one after a pause of our own: when the database was
        away, everybody was silent; nor before everybody had time to beat again after that clock was set. Raises
        StoreTooNew.
        """
        asked = self._clock.steady()
        row = await self._connections.run(
            lambda c: c.fetchrow(SQL["beat"], self.incarnation, self._dispatches, self._about, self._schema)
        )
        if row["too_new"]:
            raise StoreTooNew("the store has left this version behind: a newer one has changed it")
        lost = row["seen"] is None and self._beaten
        if await self._follow_steady_time(row, asked):
            self._sure_at = self._clock.steady() + dead_after
        regular = self._beaten and row["seen"] is not None and (row["now"] - row["seen"]) * 2 < dead_after
        steady = regular and self._clock.steady() >= self._sure_at
        self._beaten = True
        doubtful = doubts.current()
        if doubtful:
            await self._connections.run(
                lambda c: c.execute(QUEUE["release"], self.incarnation, *columns(doubtful, 2))
            )
            doubts.released()
        released = await self._rescue(dead_after) if self._keeps_house and steady else 0
        peers = await self._connections.run(lambda c: c.fetch(SQL["peers"]))
        who = tuple(peer[0] for peer in peers)
        return Pulse(released, lost, self.incarnation, who, unfinished=released == RELEASED)

    async def attempt(self, size: int) -> None:
        """Commit so many bytes that nobody ever sees. Raises StoreUnavailable."""
        content = b64encode(os.urandom(size * 3 // 4)).decode()

        async def work(connection: Any) -> None:
            await connection.execute(SQL["begin_trial"], self.incarnation, content)
            await connection.execute(SQL["end_trial"], self.incarnation)

        await self._connections.in_transaction(work)

    async def _follow_steady_time(self, row: Any, asked: int) -> bool:
        """Whether the database's clock was set."""
        kept = None if row["steady"] is None else Anchor(row["steady"], row["wall"])
        anchor, was_set = self._steady_time.follow(kept, row["now"], asked=asked, given_up=row["seen"] is None)
        if anchor is not None:
            before = (None, None) if kept is None else (kept.steady, kept.wall)
            keep = (anchor.steady, anchor.wall, *before)
            await self._connections.run(lambda c: c.execute(SQL["keep_anchor"], *keep))
            self._steady_time.kept(anchor)
        return was_set

    async def _rescue(self, dead_after: int) -> int:
        """How many deliveries were taken over. When that fails or waits, our leases are renewed all the same."""
        clock = asyncio.get_running_loop().time
        try:
            taken = await self._connections.in_transaction(lambda c: _take_over(c, dead_after), limit_s=RESCUE_S)
        except StoreUnavailable as error:
            if told := self._outage.failed(str(error), clock()):
                log.warning("nothing is taken over from silent processes for now: %s", told)
            return 0
        if told := self._outage.worked(clock):
            log.warning("looks again for silent processes %s", told)
        return taken

    async def leave(self) -> None:
        """This process ends and holds no leases any more."""
        await self._connections.run(lambda c: c.execute(SQL["leave"], self.incarnation))


async def _take_over(connection: Any, dead_after: int) -> int:
    """Give up silent processes and release leases without a live holder, RELEASED at most; returns how many.

    One process at a time; the others have nothing to do. A process that was given up and comes back releases what
    is left of its own.
    """
    if not await connection.fetchval(SQL["one_housekeeper"]):
        return 0
    await connection.execute(SQL["bury"], dead_after)
    orphaned = [(row[0], row[1]) for row in await connection.fetch(SQL["orphaned"])]
    if not orphaned:
        return 0
    return rows_of(await connection.execute(SQL["release_orphans"], *columns(orphaned, 2), RELEASED))
