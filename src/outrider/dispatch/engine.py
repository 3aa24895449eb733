"""The engine's start and stop, and the path of one delivery through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence

from outrider.dispatch.attempt import Attempter
from outrider.dispatch.feeder import Feeder
from outrider.dispatch.housekeeping import Housekeeping
from outrider.dispatch.jobs import JobRunner
from outrider.dispatch.lanes import LaneLimits, Lanes
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.settler import Settler
from outrider.domain.delivery import Line
from outrider.domain.errors import StoreUnavailable
from outrider.domain.ids import Ids
from outrider.domain.model import Delivery
from outrider.ports.clock import Clock
from outrider.ports.jobs import Jobs
from outrider.ports.picture import Picture
from outrider.ports.queue import Queue

log = logging.getLogger("outrider.engine")
RESTART_S = 1.0


class Engine:
    """`lanes` is the handover that intake uses. Start once; stop may be called again."""

    def __init__(
        self,
        *,
        queue: Queue,
        jobs: Jobs,
        picture: Picture,
        attempter: Attempter,
        receivers: Receivers,
        clock: Clock,
        ids: Ids,
        limits: LaneLimits,
    ) -> None:
        self._queue = queue
        self._attempter = attempter
        self._receivers = receivers
        self._ids = ids
        self.lanes = Lanes(
            limits,
            picture,
            receivers,
            launch=self._launch,
            give_back=self._give_back,
            hungry=self._hungry,
            wake=self._wake,
        )
        self._feeder = Feeder(queue, self.lanes, clock)
        self._settler = Settler(
            queue, picture, left=self.lanes.leave, promoted=self._promoted, due=self._feeder.expect
        )
        self._housekeeping = Housekeeping(queue, clock, self._feeder.wake)
        self._jobs = JobRunner(jobs, picture, self.lanes, clock, ids)
        self._services: list[asyncio.Task[None]] = []
        self._attempts: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take over what dead processes held, then run until `stop`."""
        self._receivers.load(await self._queue.healths())
        newest = await self._queue.newest()
        if newest is not None:
            self._ids.after(newest)
        await self._housekeeping.beat()
        for run in (self._feeder.run, self._settler.run, self._housekeeping.run, self._jobs.run):
            self._services.append(asyncio.get_running_loop().create_task(_kept_running(run)))

    async def stop(self, grace_s: float) -> None:
        """Launch nothing more, wait up to `grace_s` for attempts under way, give every lease back.

        An attempt cut off by the end of the grace costs its delivery nothing; it may be repeated.
        """
        for service in (*self._services[:1], *self._services[2:]):
            service.cancel()
        self.lanes.close()
        if self._attempts:
            _, late = await asyncio.wait(self._attempts, timeout=grace_s)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._drain()
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        self._services.clear()
        try:
            await self._queue.release()
        except StoreUnavailable as error:
            log.warning("leases not given back, the next start takes them over: %s", error)

    async def _drain(self, patience_s: float = 5.0) -> None:
        """Let the settler write what it has gathered."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while self._services and not self._settler.idle:
            if asyncio.get_running_loop().time() > deadline:
                log.warning("stopping with unsettled outcomes: their deliveries will be repeated")
                return
            await asyncio.sleep(0.005)

    def _launch(self, delivery: Delivery) -> None:
        attempt = asyncio.get_running_loop().create_task(self._run(delivery))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)

    async def _run(self, delivery: Delivery) -> None:
        """One delivery's turn: attempt, then settle or give back."""
        try:
            settlement = await self._attempter.run(delivery)
        except Exception as error:
            # Whatever it is, it is our fault: recorded as such, and the delivery loses nothing.
            settlement = self._attempter.broken(delivery, error)
        except asyncio.CancelledError:
            self.lanes.landed(delivery, delivered=False)
            raise
        delivered = settlement is not None and settlement.step.line is Line.DELIVERED
        self.lanes.landed(delivery, delivered=delivered)
        if settlement is None:
            self._settler.give_back(delivery)
        else:
            self._settler.settle(settlement)

    def _give_back(self, delivery: Delivery) -> None:
        self._settler.give_back(delivery)

    def _hungry(self, tenant: str, webhook: str) -> None:
        self._feeder.hungry(tenant, webhook)

    def _wake(self) -> None:
        self._feeder.wake()

    def _promoted(self, deliveries: Sequence[Delivery]) -> None:
        """Leased already: a place, or the lease goes back."""
        for delivery in deliveries:
            if self.lanes.admit(delivery):
                self.lanes.start([delivery])
            else:
                self._settler.release(delivery)


async def _kept_running(run: Callable[[], Coroutine[None, None, None]]) -> None:
    """A service that fails for a reason nobody foresaw is started again: deliveries must go on."""
    while True:
        try:
            await run()
        except Exception:
            log.critical("a service of the engine failed, starting it again", exc_info=True)
            await asyncio.sleep(RESTART_S)
