"""Recovery jobs and the past they draw on. Used by `app/recovery.py` and `dispatch/jobs.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from outrider.domain.job import Job, Selection
from outrider.domain.model import Delivery, Event


class Stretch(msgspec.Struct, frozen=True):
    """Some events of a selection, oldest first, its payload filter not applied. `place` and `at` are where to go
    on; when `done`, there is nothing more and `place` is the end."""

    events: tuple[Event, ...]
    place: int
    at: int | None = None
    done: bool = False


class Jobs(Protocol):
    async def bounds(self, selection: Selection) -> tuple[int, int]:
        """The places between which the selection lies: where it begins, and the last one."""
        ...

    async def stretch(self, selection: Selection, place: int, end: int, at: int | None = None) -> Stretch:
        """The next events after `place`, a bounded number, in a bounded look. `at`: of the stretch before, at first
        the selection's `begins`; None when it is not known."""
        ...

    async def add(self, job: Job) -> None: ...

    async def advance(self, before: Job, after: Job, deliveries: Sequence[Delivery]) -> bool:
        """Store the job's progress together with the deliveries made, unleased.

        False, and nothing stored, when the job is not as it was before.
        """
        ...

    async def cancel(self, tenant: str, job: str, now: int, reason: str) -> Job | None:
        """End the job if it runs; the job as it is then, None when there is none."""
        ...

    async def job(self, tenant: str, job: str) -> Job | None: ...

    async def jobs(self, tenant: str, before: str | None, limit: int) -> list[Job]:
        """Jobs with an id below `before`, newest first."""
        ...

    async def running(self) -> list[Job]:
        """Of all tenants, oldest first."""
        ...

    async def enqueue(self, delivery: Delivery) -> None:
        """One more delivery of a stored event, unleased."""
        ...

    async def hasten(self, tenant: str, delivery: str, now: int) -> bool:
        """Make a waiting or quarantined delivery due `now`, of steady time; False when it is not in the queue, or
        leased."""
        ...
