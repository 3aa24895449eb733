"""What must happen now and then: the heartbeat that keeps our leases, and the end of deleted webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from outrider.domain.clock import SECOND
from outrider.domain.errors import StoreUnavailable
from outrider.ports.clock import Clock
from outrider.ports.queue import Queue

log = logging.getLogger("outrider.housekeeping")
BEAT_S = 5.0
DEAD_AFTER = 20 * SECOND
CANCELLED_AT_ONCE = 500


class Housekeeping:
    """`wake` is called when deliveries of a dead process became free."""

    def __init__(self, queue: Queue, clock: Clock, wake: Callable[[], None]) -> None:
        self._queue = queue
        self._clock = clock
        self._wake = wake

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.beat()
                await self._cancel_deleted()
            except StoreUnavailable as error:
                log.warning("housekeeping waits for the store: %s", error)

    async def beat(self) -> None:
        pulse = await self._queue.heartbeat(self._clock.now(), DEAD_AFTER)
        if pulse.released:
            log.info("took over %d deliveries of a process that is gone", pulse.released)
            self._wake()

    async def _cancel_deleted(self) -> None:
        """In small commits, so that a large backlog holds up nobody."""
        for tenant, webhook in await self._queue.deleted_webhooks():
            while await self._queue.cancel(tenant, webhook, CANCELLED_AT_ONCE, self._clock.now()):
                pass
