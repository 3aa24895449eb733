"""Settling in batches: while one batch commits, the next gathers.

Outcomes are kept until the store has them; deliveries keep their places meanwhile, which bounds memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Delivery
from outrider.domain.outage import Outage
from outrider.ports.picture import Picture
from outrider.ports.queue import Queue, Settled, Settlement

T = TypeVar("T")
log = logging.getLogger("outrider.settle")
LARGEST_BATCH = 500
PAUSE_S = 0.5  # between tries while the store is away


class Settler:
    """`left` is called with each delivery that has left memory, `promoted` with deliveries leased because the one
    before them ended, `due` with the instant something is due again. `quarantined` makes the settlement of a
    delivery, with the attempts it has spent and a reason, whose outcome the store rejects."""

    def __init__(
        self,
        queue: Queue,
        picture: Picture,
        *,
        left: Callable[[Delivery], None],
        promoted: Callable[[Sequence[Delivery]], None],
        due: Callable[[int], None],
        quarantined: Callable[[Delivery, int, str], Settlement],
    ) -> None:
        self._queue = queue
        self._picture = picture
        self._left = left
        self._promoted = promoted
        self._due = due
        self._quarantined = quarantined
        self._gathered: list[Settlement] = []
        self._returned: list[Delivery] = []  # with a place in a lane
        self._released: list[Delivery] = []  # without one
        self._some = asyncio.Event()
        self._committing = 0
        self._outage = Outage()

    def settle(self, settlement: Settlement) -> None:
        self._gathered.append(settlement)
        self._some.set()

    def give_back(self, delivery: Delivery) -> None:
        """Nothing was tried: release the lease, the delivery stays due."""
        self._returned.append(delivery)
        self._some.set()

    def release(self, delivery: Delivery) -> None:
        """The same for a delivery that never had a place in a lane."""
        self._released.append(delivery)
        self._some.set()

    def forget(self) -> list[Delivery]:
        """Drop what is gathered: its leases are lost. Returns the deliveries that have places in lanes."""
        dropped = [s.delivery for s in self._gathered] + self._returned
        self._gathered, self._returned, self._released = [], [], []
        return dropped

    @property
    def idle(self) -> bool:
        return not (self._gathered or self._returned or self._released or self._committing)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._gathered or self._returned or self._released:
                await self._commit()

    async def _commit(self) -> None:
        batch, self._gathered = _split(self._gathered)
        returned, self._returned = _split(self._returned)
        others, self._released = _split(self._released)
        released = returned + others
        self._committing = len(batch) + len(released)
        if released:
            await self._release(released)
        if batch:
            await self._settle(batch)
        for delivery in returned:
            self._left(delivery)
        for settlement in batch:
            self._left(settlement.delivery)
        await self._follow_up(batch)
        self._committing = 0

    async def _settle(self, batch: list[Settlement]) -> None:
        """Write a batch; an outcome the store rejects is set apart, so that it holds up nobody."""
        try:
            settled = await self._insist(lambda: self._queue.settle(batch))
        except Exception as error:
            if len(batch) == 1:
                await self._settle_rejected(batch[0], error)
                return
            for settlement in batch:
                await self._settle([settlement])
            return
        self._settled(settled)

    async def _settle_rejected(self, settlement: Settlement, error: Exception) -> None:
        """The outcome alone, without what belongs to it; if the store rejects that too, the delivery is
        quarantined.

        When the store takes neither, the fault is not the delivery's: its lease stays ours until the next start,
        which tries it again.
        """
        delivery, step = settlement.delivery, settlement.step
        log.critical("the store rejects the outcome of delivery %s", delivery.id, exc_info=error)
        bare = Settlement(delivery, step, settlement.at, "the store rejects the attempt's record")
        if not await self._is_taken(bare):
            await self._is_taken(self._quarantined(delivery, step.attempts, "the store rejects its outcome"))

    async def _is_taken(self, settlement: Settlement) -> bool:
        try:
            settled = await self._insist(lambda: self._queue.settle([settlement]))
        except Exception:
            log.critical("the store rejects less of delivery %s as well", settlement.delivery.id, exc_info=True)
            return False
        self._settled(settled)
        return True

    def _settled(self, settled: Settled) -> None:
        if settled.lost:
            log.warning("%d outcomes came after their lease was lost and changed nothing", len(settled.lost))
        self._promoted(settled.promoted)

    async def _release(self, deliveries: list[Delivery]) -> None:
        try:
            await self._insist(lambda: self._queue.release(deliveries))
        except Exception:
            # Outcomes of others are settled after this, so it must not stand in their way.
            log.critical("%d leases are not given back before the next start", len(deliveries), exc_info=True)

    async def _insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Repeat a write until the store is there."""
        clock = asyncio.get_running_loop().time
        while True:
            try:
                done = await write()
            except StoreUnavailable as error:
                if told := self._outage.failed(str(error), clock()):
                    log.warning("cannot settle now, keeping outcomes: %s", told)
                await asyncio.sleep(PAUSE_S)
            else:
                if told := self._outage.worked(clock):
                    log.warning("settles again %s", told)
                return done

    async def _follow_up(self, batch: list[Settlement]) -> None:
        for tenant in {s.delivery.tenant for s in batch if s.disable is not None}:
            await self._insist(partial(self._picture.refresh, tenant))
        due = [s.step.due for s in batch if s.step.due is not None]
        due += [0 for s in batch if s.news is not None]  # deliveries of our own events are due at once
        if due:
            self._due(min(due))


def _split(items: list[T]) -> tuple[list[T], list[T]]:
    """What one commit takes, and the rest: a long one would keep everybody waiting."""
    return items[:LARGEST_BATCH], items[LARGEST_BATCH:]
