"""Working through recovery jobs, a stretch at a time; each stretch commits with the deliveries it makes.

A job that is cancelled or taken over stops before its next stretch, and one that was running when the process
ended goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from outrider.domain.errors import StoreUnavailable
from outrider.domain.fanout import owe_again, passes
from outrider.domain.ids import Ids
from outrider.domain.job import Job, JobState
from outrider.ports.clock import Clock
from outrider.ports.handover import Handover
from outrider.ports.jobs import Jobs
from outrider.ports.picture import Picture

log = logging.getLogger("outrider.recovery")
LONGEST_SLEEP_S = 1.0


class Recovery:
    def __init__(self, jobs: Jobs, picture: Picture, handover: Handover, clock: Clock, ids: Ids) -> None:
        self._jobs = jobs
        self._picture = picture
        self._handover = handover
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                for job in await self._jobs.running():
                    await self._work(job)
            except StoreUnavailable as error:
                log.warning("recovery jobs wait for the store: %s", error)
            await asyncio.sleep(LONGEST_SLEEP_S)

    async def _work(self, job: Job) -> None:
        now: Job | None = job
        while now is not None and now.state is JobState.RUNNING:
            now = await self._step(now)

    async def _step(self, job: Job) -> Job | None:
        """The job after one more stretch; None when somebody else changed it."""
        chosen = job.selection
        webhook = self._picture.webhook(chosen.tenant, chosen.webhook)
        if webhook is None:
            ended = msgspec.structs.replace(
                job, state=JobState.CANCELLED, ended=self._clock.now(), reason="webhook deleted"
            )
            return ended if await self._jobs.advance(job, ended, ()) else None
        stretch = await self._jobs.stretch(chosen, job.place, job.end)
        now = self._clock.now()
        deliveries = [
            owe_again(event, webhook.id, self._ids.new(), now, job.id)
            for event in stretch.events
            if passes(chosen.filter, event)
        ]
        done = stretch.place >= job.end
        after = msgspec.structs.replace(
            job,
            place=stretch.place,
            made=job.made + len(deliveries),
            state=JobState.DONE if done else JobState.RUNNING,
            ended=now if done else None,
        )
        if not await self._jobs.advance(job, after, deliveries):
            return None
        self._handover.stored(deliveries)
        return after
