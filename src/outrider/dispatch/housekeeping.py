"""What must happen now and then: the end of deleted webhooks, days ahead and days gone, a look at the store."""

from __future__ import annotations

import asyncio
import logging

from outrider.domain.errors import StoreUnavailable
from outrider.domain.outage import Outage
from outrider.ports.clock import Clock
from outrider.ports.queue import Queue
from outrider.ports.upkeep import Upkeep

log = logging.getLogger("outrider.housekeeping")
ROUND_S = 5.0
LOOK_EVERY = 12  # rounds: a minute
TEND_EVERY = 720  # rounds: an hour
CANCELLED_AT_ONCE = 500


class Housekeeping:
    """Keeps events and ledger lines for `retention` milliseconds; None keeps them for ever."""

    def __init__(self, queue: Queue, upkeep: Upkeep, clock: Clock, retention: int | None) -> None:
        self._queue = queue
        self._upkeep = upkeep
        self._clock = clock
        self._retention = retention
        self._outage = Outage()

    async def run(self) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        number = 0
        while True:
            await asyncio.sleep(ROUND_S)
            number += 1
            try:
                await self._cancel_deleted()
                if number % LOOK_EVERY == 0:
                    await self._look()
                if number % TEND_EVERY == 0:
                    await self.tend()
            except StoreUnavailable as error:
                if told := self._outage.failed(str(error), clock()):
                    log.warning("housekeeping waits for the store: %s", told)
            else:
                if told := self._outage.worked(clock):
                    log.warning("keeps house again %s", told)

    async def begin(self) -> None:
        """What cannot wait for the first round: somewhere to put today's events."""
        try:
            await self.tend()
        except StoreUnavailable as error:
            log.warning("housekeeping waits for the store: %s", error)

    async def tend(self) -> None:
        await self._upkeep.tend(None if self._retention is None else self._clock.now() - self._retention)

    async def _look(self) -> None:
        for warning in await self._upkeep.warnings():
            log.warning("%s", warning)

    async def _cancel_deleted(self) -> None:
        """In small commits, so that a large backlog holds up nobody."""
        for tenant, webhook in await self._queue.deleted_webhooks():
            while await self._queue.cancel(tenant, webhook, CANCELLED_AT_ONCE, self._clock.now()):
                pass
