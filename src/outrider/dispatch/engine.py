"""The engine's start and stop, and the path of one delivery through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from outrider.dispatch.attempt import Attempter
from outrider.dispatch.feeder import Feeder
from outrider.dispatch.heartbeat import Heartbeat
from outrider.dispatch.housekeeping import Housekeeping
from outrider.dispatch.jobs import JobRunner
from outrider.dispatch.lanes import LaneLimits, Lanes
from outrider.dispatch.lease import Lease, Peers
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.services import kept_running
from outrider.dispatch.settler import Settler
from outrider.domain.delivery import Line
from outrider.domain.errors import StoreUnavailable
from outrider.domain.ids import Ids
from outrider.domain.model import Delivery
from outrider.domain.readiness import Unready
from outrider.ports.clock import Clock
from outrider.ports.jobs import Jobs
from outrider.ports.picture import Picture
from outrider.ports.queue import Queue
from outrider.ports.upkeep import Upkeep
from outrider.ports.work import Work

log = logging.getLogger("outrider.engine")


class Parts(msgspec.Struct, frozen=True):
    """What of the engine runs in this process."""

    dispatches: bool = True
    keeps_house: bool = True


class Engine:
    """`lanes` is the handover that intake uses. Start once; stop may be called again.

    `hint` tells other processes that something may be claimable; `retention` in milliseconds, None keeps
    everything.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        jobs: Jobs,
        upkeep: Upkeep,
        picture: Picture,
        attempter: Attempter,
        receivers: Receivers,
        clock: Clock,
        ids: Ids,
        work: Work,
        limits: LaneLimits,
        parts: Parts,
        hint: Callable[[], None],
        retention: int | None,
    ) -> None:
        self._queue = queue
        self._attempter = attempter
        self._receivers = receivers
        self._ids = ids
        self._parts = parts
        lease, peers = Lease(), Peers()
        self.lanes = Lanes(
            limits,
            picture,
            receivers,
            lease,
            peers,
            launch=self._launch,
            give_back=self._give_back,
            hungry=self._hungry,
            wake=self._wake,
            hint=hint,
            soon=lambda go_on: asyncio.get_running_loop().call_soon(go_on),
        )
        self._feeder = Feeder(queue, self.lanes, clock)
        self._settler = Settler(
            queue,
            picture,
            left=self.lanes.leave,
            promoted=self._promoted,
            due=self._feeder.expect,
            quarantined=attempter.quarantined,
        )
        self._heartbeat = Heartbeat(
            queue, lease, peers, clock, renewed=self.lanes.resume, freed=self._feeder.wake, lost=self._forget
        )
        self._housekeeping = Housekeeping(queue, upkeep, clock, retention)
        self._jobs = JobRunner(
            jobs=jobs, picture=picture, handover=self.lanes, clock=clock, ids=ids, peers=peers, work=work
        )
        self._settling: asyncio.Task[None] | None = None
        self._services: list[asyncio.Task[None]] = []
        self._attempts: dict[asyncio.Task[None], Delivery] = {}

    async def start(self) -> None:
        """Take over what dead processes held, then run until `stop`."""
        self._receivers.load(await self._queue.healths())
        newest = await self._queue.newest()
        if newest is not None:
            self._ids.after(newest)
        await self._heartbeat.beat()  # first, because it sets the steady time that everything else goes by
        if self._parts.keeps_house:
            await self._housekeeping.begin()
        runs = [self._heartbeat.run]
        if self._parts.dispatches:
            runs += [self._feeder.run, self._jobs.run]
            self._settling = asyncio.get_running_loop().create_task(kept_running(self._settler.run))
        if self._parts.keeps_house:
            runs += [self._housekeeping.run]
        self._services = [asyncio.get_running_loop().create_task(kept_running(run)) for run in runs]

    @property
    def unready(self) -> Unready | None:
        return self._heartbeat.unready

    def wake(self) -> None:
        """Something may be claimable."""
        self._feeder.wake()

    async def stop(self, grace_s: float) -> None:
        """Launch nothing more, wait up to `grace_s` for attempts under way, give every lease back.

        An attempt cut off by the end of the grace costs its delivery nothing; it may be repeated.
        """
        for service in self._services:
            service.cancel()
        self.lanes.close()
        if self._attempts:
            _, late = await asyncio.wait(self._attempts, timeout=grace_s)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._settling is not None:
            await self._drain()
            self._settling.cancel()
            self._services.append(self._settling)
            self._settling = None
        await asyncio.gather(*self._services, return_exceptions=True)
        self._services.clear()
        try:
            await self._queue.release()
        except StoreUnavailable as error:
            log.warning("leases not given back, the next start takes them over: %s", error)

    async def _forget(self) -> None:
        """This process was given up by the others: nothing it holds is its own any more."""
        log.warning("this process was silent for too long; others have taken over what it held")
        self.lanes.empty()
        under_way = dict(self._attempts)
        for attempt in under_way:
            attempt.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for attempt, delivery in under_way.items():
            if attempt.cancelled():
                self.lanes.landed(delivery, delivered=False)
                self.lanes.leave(delivery)
        for delivery in self._settler.forget():
            self.lanes.leave(delivery)
        await self._queue.release()

    async def _drain(self, patience_s: float = 5.0) -> None:
        """Let the settler write what it has gathered."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while not self._settler.idle:
            if asyncio.get_running_loop().time() > deadline:
                log.warning("stopping with unsettled outcomes: their deliveries will be repeated")
                return
            await asyncio.sleep(0.005)

    def _launch(self, delivery: Delivery) -> None:
        attempt = asyncio.get_running_loop().create_task(self._run(delivery))
        self._attempts[attempt] = delivery
        attempt.add_done_callback(self._attempts.pop)

    async def _run(self, delivery: Delivery) -> None:
        """One delivery's turn: attempt, then settle or give back."""
        try:
            settlement = await self._attempter.run(delivery)
        except Exception as error:
            # No answer came, so it is our fault: recorded as such, and the delivery loses nothing.
            settlement = self._attempter.broken(delivery, error)
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
