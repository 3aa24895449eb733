"""The feeder brings what waits in the queue to the lanes: retries that are due, and what found no room.

Polling is the truth; `wake` is a hint that shortens the sleep.
"""

from __future__ import annotations

import asyncio
import logging

from outrider.dispatch.lanes import Lanes
from outrider.domain.errors import StoreUnavailable
from outrider.ports.clock import Clock
from outrider.ports.queue import Backlog, Queue

log = logging.getLogger("outrider.feed")
LONGEST_SLEEP_S = 1.0
LARGEST_CLAIM = 200


class Feeder:
    def __init__(self, queue: Queue, lanes: Lanes, clock: Clock) -> None:
        self._queue = queue
        self._lanes = lanes
        self._clock = clock
        self._hint = asyncio.Event()

    def wake(self) -> None:
        self._hint.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._hint.clear()
            try:
                pause = await self._round()
            except StoreUnavailable as error:
                log.warning("cannot claim now: %s", error)
                pause = LONGEST_SLEEP_S
                self._hint.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._hint.wait()
            except TimeoutError:
                continue

    async def _round(self) -> float:
        """Claim what is due and has room; returns seconds until the next look is worth it."""
        backlogs = await self._queue.backlogs()
        now = self._clock.now()
        for backlog in backlogs:
            if backlog.due <= now:
                await self._claim(backlog, now)
        upcoming = min((b.due - now for b in backlogs if b.due > now), default=None)
        if upcoming is None:
            return LONGEST_SLEEP_S
        return min(LONGEST_SLEEP_S, upcoming / 1000)

    async def _claim(self, backlog: Backlog, now: int) -> None:
        limit = min(self._lanes.room(backlog.webhook), LARGEST_CLAIM)
        if limit == 0:
            self._lanes.expect_more(backlog.webhook)
            return
        claimed = await self._queue.claim(backlog.webhook, limit, now)
        if len(claimed) == limit:
            self.wake()
        admitted = [delivery for delivery in claimed if self._lanes.admit(delivery)]
        self._lanes.start(admitted)
        refused = {d.id for d in claimed} - {d.id for d in admitted}
        if refused:
            # The lane filled, or its webhook was disabled, while the claim was under way.
            await self._queue.release(sorted(refused))
