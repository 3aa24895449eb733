"""The heartbeat: it keeps our leases, finds those of processes that died, and knows who else dispatches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from outrider.dispatch.lease import Lease, Peers
from outrider.domain.clock import JUMP, Anchor
from outrider.domain.errors import StoreTooNew, StoreUnavailable
from outrider.domain.outage import Outage
from outrider.domain.readiness import Unready
from outrider.ports.clock import Clock, moment
from outrider.ports.queue import Queue

log = logging.getLogger("outrider.heartbeat")
BEAT_S = 2.0
BEATS_UNTIL_DEAD = 3  # missed in a row
SURE = 0.8  # of that time a process may count on its leases; the rest is for slow answers


class Heartbeat:
    """`renewed` is called when the lease was renewed, `freed` when deliveries of dead processes became free or the
    set of processes changed, `lost` when this process was given up itself."""

    def __init__(
        self,
        queue: Queue,
        lease: Lease,
        peers: Peers,
        clock: Clock,
        *,
        renewed: Callable[[], None],
        freed: Callable[[], None],
        lost: Callable[[], Awaitable[None]],
    ) -> None:
        self._queue = queue
        self._lease = lease
        self._peers = peers
        self._clock = clock
        self._last: Anchor | None = None
        self._renewed = renewed
        self._freed = freed
        self._lost = lost
        self._is_lost = False
        self._is_left_behind = False
        self._is_unfinished = False
        self._outage = Outage()

    @property
    def unready(self) -> Unready | None:
        """Why this process is none to send anything to, as far as its leases tell."""
        if self._is_left_behind:
            return Unready.STORE_TOO_NEW
        return None if self._lease.held else Unready.LEASE_LOST

    async def run(self) -> None:
        """Until cancelled. A store that is too new is tried again, quietly: it may be put back from a backup."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(0 if self._is_unfinished else BEAT_S)
            try:
                await self.beat()
            except StoreUnavailable as error:
                if told := self._outage.failed(str(error), clock()):
                    log.warning("no heartbeat, sending stops until there is one: %s", told)
            except StoreTooNew as error:
                if not self._is_left_behind:
                    log.critical("sending stops: %s; start this node with the new version", error)
                self._is_left_behind = True
            else:
                self._is_left_behind = False
                if told := self._outage.worked(clock):
                    log.warning("beats again %s", told)

    async def beat(self) -> None:
        dead_after_s = BEAT_S * BEATS_UNTIL_DEAD
        began = asyncio.get_running_loop().time()
        self._is_unfinished = False
        pulse = await self._queue.heartbeat(round(dead_after_s * 1000))
        self._watch_the_clock()
        self._is_lost = self._is_lost or pulse.lost
        if self._is_lost:
            await self._lost()
            self._is_lost = False
        self._lease.renew(began, dead_after_s * SURE)
        changed = self._peers.update(pulse.me, pulse.peers)
        self._renewed()
        if pulse.released:
            log.info("took over %d deliveries of a process that is gone", pulse.released)
        if pulse.released or changed:
            self._freed()
        self._is_unfinished = pulse.unfinished

    def _watch_the_clock(self) -> None:
        """Tell of a wall clock that was set: signatures, dates and retention go by it, waits do not."""
        now = moment(self._clock)
        jump = 0 if self._last is None else self._last.jump(now)
        if abs(jump) > JUMP:
            log.warning(
                "the wall clock of this machine was set by %+.1f s; retries keep their waits, "
                "but signatures, dates and retention go by it, so see that it is right",
                jump / 1000,
            )
        self._last = now
