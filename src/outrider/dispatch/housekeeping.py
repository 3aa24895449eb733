"""What must happen now and then: the end of deleted webhooks, days ahead and days gone, a look at the store."""

from __future__ import annotations

import asyncio
import logging

from outrider.domain.clock import DAY, JUMP, Anchor
from outrider.domain.errors import StoreUnavailable
from outrider.domain.outage import Outage
from outrider.ports.clock import Clock, moment
from outrider.ports.queue import Queue
from outrider.ports.upkeep import Upkeep

log = logging.getLogger("outrider.housekeeping")
ROUND_S = 5.0
LOOK_EVERY = 12  # rounds: a minute
TEND_EVERY = 720  # rounds: an hour
CANCELLED_AT_ONCE = 500
PATIENCE = DAY


class Housekeeping:
    """Keeps events and ledger lines for `retention` milliseconds; None keeps them for ever."""

    def __init__(self, queue: Queue, upkeep: Upkeep, clock: Clock, retention: int | None) -> None:
        self._queue = queue
        self._upkeep = upkeep
        self._clock = clock
        self._retention = retention
        self._outage = Outage()
        self._last: Anchor | None = None  # when this last looked
        self._drop_from = 0  # steady time

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
        await self._upkeep.tend(self._oldest())

    def _oldest(self) -> int | None:
        """From when on everything is kept; None: all of it. When the wall clock was set forward, nothing is dropped
        for a while, because the past would be gone before anybody could set it right."""
        now = moment(self._clock)
        jump = 0 if self._last is None else self._last.jump(now)
        self._last = now
        if self._retention is None:
            return None
        if jump > JUMP:
            self._drop_from = now.steady + PATIENCE
            log.warning("the wall clock was set by %+.1f s, so nothing is dropped for a day", jump / 1000)
        return None if now.steady < self._drop_from else now.wall - self._retention

    async def _look(self) -> None:
        for warning in await self._upkeep.warnings():
            log.warning("%s", warning)

    async def _cancel_deleted(self) -> None:
        """In small commits, so that a large backlog holds up nobody."""
        for tenant, webhook in await self._queue.deleted_webhooks():
            while await self._queue.cancel(tenant, webhook, CANCELLED_AT_ONCE, self._clock.now()):
                pass
