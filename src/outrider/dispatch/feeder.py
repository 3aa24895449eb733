"""The feeder brings what waits in the queue to the lanes: retries that are due, and what found no room.

Polling is the truth: a round over all backlogs at least every second. Hints only make it sooner.
"""

from __future__ import annotations

import asyncio
import logging

from outrider.dispatch.lanes import Lanes
from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Delivery
from outrider.domain.outage import Outage
from outrider.ports.clock import Clock
from outrider.ports.queue import Queue

log = logging.getLogger("outrider.feed")
LONGEST_SLEEP_S = 1.0
SHORTEST_SLEEP_S = 0.01  # between rounds, however many hints come
LARGEST_CLAIM = 200
CLAIMS_AT_ONCE = 32  # they share commits
AGAIN_S = 30.0  # until rows that could not be read are tried again


class Feeder:
    def __init__(self, queue: Queue, lanes: Lanes, clock: Clock) -> None:
        self._queue = queue
        self._lanes = lanes
        self._clock = clock
        self._hint = asyncio.Event()
        self._hungry: dict[str, str] = {}  # webhooks to claim for, with their tenants
        self._unreadable: dict[str, float] = {}  # webhooks whose rows the store cannot read, and when to try again
        self._next_round = 0.0
        self._outage = Outage()

    def wake(self) -> None:
        """Any webhook may have something claimable."""
        self._next_round = 0.0
        self._hint.set()

    def hungry(self, tenant: str, webhook: str) -> None:
        """This webhook has something claimable, and room for it."""
        self._hungry[webhook] = tenant
        self._hint.set()

    def expect(self, due: int) -> None:
        """Something is due at this instant of steady time."""
        wait = max(0.0, (due - self._clock.steady()) / 1000)
        if wait < LONGEST_SLEEP_S:
            self._next_round = min(self._next_round, asyncio.get_running_loop().time() + wait)
            self._hint.set()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._hint.clear()
            started = loop.time()
            try:
                if started >= self._next_round:
                    await self._round()
                await self._claim_for_the_hungry()
            except* StoreUnavailable as errors:  # of several claims at once
                if told := self._outage.failed(str(errors.exceptions[0]), loop.time()):
                    log.warning("cannot claim now: %s", told)
                self._next_round = loop.time() + LONGEST_SLEEP_S
                await asyncio.sleep(LONGEST_SLEEP_S)
            else:
                if told := self._outage.worked(loop.time):
                    log.warning("claims again %s", told)
            await asyncio.sleep(max(0.0, started + SHORTEST_SLEEP_S - loop.time()))
            try:
                async with asyncio.timeout_at(self._next_round):
                    await self._hint.wait()
            except TimeoutError:
                continue

    async def _round(self) -> None:
        """Look at every backlog, and know when the next look is worth it."""
        loop = asyncio.get_running_loop()
        self._next_round = loop.time() + LONGEST_SLEEP_S
        backlogs = await self._queue.backlogs()
        now = self._clock.steady()
        for backlog in backlogs:
            if backlog.due <= now:
                self._hungry[backlog.webhook] = backlog.tenant
            else:
                self.expect(backlog.due)

    async def _claim_for_the_hungry(self) -> None:
        """Claim for each webhook in turn, so that a long backlog does not keep the others waiting."""
        while self._hungry:
            batch = [(tenant, webhook) for webhook, tenant in list(self._hungry.items())[:CLAIMS_AT_ONCE]]
            for _, webhook in batch:
                del self._hungry[webhook]
            async with asyncio.TaskGroup() as claims:
                for tenant, webhook in batch:
                    claims.create_task(self._claim(tenant, webhook))

    async def _claim(self, tenant: str, webhook: str) -> None:
        if self._unreadable and self._unreadable.get(webhook, 0.0) > asyncio.get_running_loop().time():
            return
        places = self._lanes.reserve(tenant, webhook, LARGEST_CLAIM)
        if places == 0:
            self._lanes.expect_more(webhook)
            return
        claimed: list[Delivery] = []
        try:
            claimed = await self._queue.claim(tenant, webhook, places, self._clock.steady())
        except StoreUnavailable:
            raise
        except Exception:
            # What is stored for this webhook cannot be read. The others are claimed for all the same.
            log.critical("what waits for webhook %s cannot be claimed", webhook, exc_info=True)
            self._unreadable[webhook] = asyncio.get_running_loop().time() + AGAIN_S
        finally:
            self._lanes.fill(webhook, places, claimed)
        if len(claimed) == places:
            self._hungry[webhook] = tenant
