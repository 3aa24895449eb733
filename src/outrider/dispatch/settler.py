"""Settling in batches: while one batch commits, the next gathers.

Outcomes are kept until the store has them; deliveries keep their places meanwhile, which bounds memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Delivery
from outrider.ports.picture import Picture
from outrider.ports.queue import Queue, Settlement

T = TypeVar("T")
log = logging.getLogger("outrider.settle")
LARGEST_BATCH = 500
PAUSE_S = 0.5  # between tries while the store is away


class Settler:
    """`settled` is called with each delivery that has left memory; `retry` when some are due again."""

    def __init__(
        self, queue: Queue, picture: Picture, settled: Callable[[Delivery], None], retry: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._picture = picture
        self._settled = settled
        self._retry = retry
        self._gathered: list[Settlement] = []
        self._returned: list[Delivery] = []
        self._some = asyncio.Event()
        self._committing = 0

    def settle(self, settlement: Settlement) -> None:
        self._gathered.append(settlement)
        self._some.set()

    def give_back(self, delivery: Delivery) -> None:
        """Nothing was tried: release the lease, the delivery stays due."""
        self._returned.append(delivery)
        self._some.set()

    @property
    def idle(self) -> bool:
        return not (self._gathered or self._returned or self._committing)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._gathered or self._returned:
                await self._commit()

    async def _commit(self) -> None:
        batch, self._gathered = self._gathered[:LARGEST_BATCH], self._gathered[LARGEST_BATCH:]
        returned, self._returned = self._returned, []
        self._committing = len(batch) + len(returned)
        if returned:
            await self._insist(lambda: self._queue.release([delivery.id for delivery in returned]))
        if batch:
            await self._settle(batch)
        for delivery in returned:
            self._settled(delivery)
        for settlement in batch:
            self._settled(settlement.delivery)
        await self._follow_up(batch)
        self._committing = 0

    async def _settle(self, batch: list[Settlement]) -> None:
        """Write a batch; an outcome the store rejects is set apart, so that it holds up nobody."""
        try:
            lost = await self._insist(lambda: self._queue.settle(batch))
        except Exception:
            if len(batch) > 1:
                for settlement in batch:
                    await self._settle([settlement])
                return
            # Its lease stays ours until the next start, which tries the delivery again.
            log.critical("the store rejects the outcome of delivery %s", batch[0].delivery.id, exc_info=True)
            return
        if lost:
            log.warning("%d outcomes came after their lease was lost and changed nothing", len(lost))

    async def _insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Repeat a write until the store is there."""
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                log.warning("cannot settle now, keeping outcomes: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def _follow_up(self, batch: list[Settlement]) -> None:
        for tenant in {s.delivery.tenant for s in batch if s.disable_webhook}:
            await self._insist(partial(self._picture.refresh, tenant))
        if any(s.step.due is not None or s.news is not None for s in batch):
            self._retry()
