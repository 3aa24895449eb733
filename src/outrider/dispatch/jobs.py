"""Working through recovery jobs, a stretch at a time; each stretch commits with the deliveries it makes.

Running jobs take turns, so a long one delays no other. One that is cancelled stops before its next stretch, and
one that was running when the process ended goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import msgspec

from outrider.dispatch.lease import Peers
from outrider.domain.errors import StoreUnavailable
from outrider.domain.fanout import owe_again, passing_of, portions
from outrider.domain.ids import Ids
from outrider.domain.job import Job, JobState
from outrider.domain.outage import Outage
from outrider.ports.clock import Clock
from outrider.ports.handover import Handover
from outrider.ports.jobs import Jobs
from outrider.ports.picture import Picture
from outrider.ports.work import Work

log = logging.getLogger("outrider.jobs")
LONGEST_SLEEP_S = 1.0


class JobRunner:
    """Of several processes, the one that `peers` names works on a job; should two do so for a moment, the progress
    of one is stored and the other's is not."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        picture: Picture,
        handover: Handover,
        clock: Clock,
        ids: Ids,
        peers: Peers,
        work: Work,
    ) -> None:
        self._peers = peers
        self._jobs = jobs
        self._picture = picture
        self._handover = handover
        self._clock = clock
        self._ids = ids
        self._outage = Outage()
        self._work = work

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await self._round():
                await asyncio.sleep(LONGEST_SLEEP_S)

    async def _round(self) -> bool:
        """One stretch of every running job; whether to go on at once."""
        try:
            running = [job for job in await self._jobs.running() if self._peers.home(job.id)]
        except StoreUnavailable as error:
            self._wait(error)
            return False
        went = [await self._went(job) for job in running]
        if all(went) and (told := self._outage.worked(asyncio.get_running_loop().time)):
            log.warning("recovery jobs go on %s", told)
        return bool(went) and all(went)

    async def _went(self, job: Job) -> bool:
        """Whether a stretch went well; if not, the job is where it was."""
        try:
            await self._step(job)
        except StoreUnavailable as error:
            self._wait(error)
            return False
        except Exception:
            log.critical("recovery job %s cannot go on, trying again", job.id, exc_info=True)
            return False
        return True

    def _wait(self, error: StoreUnavailable) -> None:
        if told := self._outage.failed(str(error), asyncio.get_running_loop().time()):
            log.warning("recovery jobs wait for the store: %s", told)

    async def _step(self, job: Job) -> None:
        chosen = job.selection
        webhook = self._picture.webhook(chosen.tenant, chosen.webhook)
        if webhook is None:
            await self._jobs.cancel(chosen.tenant, job.id, self._clock.now(), "webhook deleted")
            return
        stretch = await self._jobs.stretch(chosen, job.place, job.end, job.at)
        passing = list(stretch.events) if chosen.filter is None else []
        for portion in portions(chosen.filter, stretch.events) if chosen.filter else ():
            passing += await self._work.run(chosen.tenant, partial(passing_of, chosen.filter, portion))
        now = self._clock.now()
        origin = f"job:{job.id}"
        deliveries = [owe_again(event, webhook.id, self._ids.new(), now, origin) for event in passing]
        after = msgspec.structs.replace(
            job,
            place=stretch.place,
            at=stretch.at,
            made=job.made + len(deliveries),
            state=JobState.DONE if stretch.done else JobState.RUNNING,
            ended=now if stretch.done else None,
        )
        if await self._jobs.advance(job, after, deliveries):
            self._handover.stored(deliveries)
