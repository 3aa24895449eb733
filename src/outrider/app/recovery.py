"""Recovery: sending again what failed, sending late what was missed, replaying a part of the past."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec

from outrider.app import fields, options
from outrider.app.books import Books
from outrider.app.names import check_count, event_type, subject
from outrider.app.paging import Page, checked, opened, page
from outrider.domain.clock import SECOND, parse_iso
from outrider.domain.errors import Conflict, InvalidField, NotFound
from outrider.domain.fanout import owe_again, passing_of, portions
from outrider.domain.ids import Ids, is_uuid
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Event, Webhook
from outrider.ports.clock import Clock
from outrider.ports.handover import Handover
from outrider.ports.jobs import Jobs, Stretch
from outrider.ports.ledger import DeliveryRow, Ledger
from outrider.ports.work import Work

NO_WEBHOOK = 7986
LONGEST_LOOK = 10 * SECOND
EXAMPLES = 5
MOST_TYPES = 100
LOOKS_AT_ONCE = 2
CANCELLED_BY_HAND = "cancelled by its owner"


class JobInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job to start, or with `DryRun` to look at. Absent fields select everything."""

    Kind: fields.JobKindName
    WebhookId: fields.WebhookId
    Since: fields.Since | None = None
    Until: fields.Until | None = None
    Events: fields.EventTypes | None = None
    Subject: fields.AnySubject | None = None
    Filter: fields.EventFilter | None = None
    DryRun: fields.DryRun = False


class FilterInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filter to try on past events."""

    Filter: fields.EventFilter
    Events: fields.EventTypes | None = None
    Since: fields.Since | None = None
    Until: fields.Until | None = None


class Preview(msgspec.Struct, frozen=True):
    """What a selection comes to. `scanned` events were looked at, `matched` of them passed its filter.

    Not `complete` when there was more than could be looked at in a few seconds. `examples` are the oldest.
    """

    scanned: int
    matched: int
    complete: bool
    examples: tuple[Event, ...]


class Recovery:
    def __init__(
        self,
        *,
        jobs: Jobs,
        ledger: Ledger,
        books: Books,
        handover: Handover,
        clock: Clock,
        ids: Ids,
        work: Work,
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._books = books
        self._handover = handover
        self._clock = clock
        self._ids = ids
        self._work = work
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def preview(self, tenant: str, given: JobInput) -> Preview:
        """What the job would send; sends nothing."""
        return await self._look(self._selection(tenant, given))

    async def try_filter(self, tenant: str, given: FilterInput) -> Preview:
        """Which past events a filter would have let pass."""
        since, until = _span(given.Since, given.Until)
        chosen = options.event_filter(given.Filter)
        return await self._look(
            Selection(JobKind.REPLAY, tenant, "", since, until, _types(given.Events), None, chosen)
        )

    async def start(self, tenant: str, given: JobInput) -> Job:
        """A running job; it goes on in the background and survives restarts."""
        selection = self._selection(tenant, given)
        start, end = await self._jobs.bounds(selection)
        job = Job(self._ids.new(), selection, start, end, start, self._clock.now(), at=selection.begins)
        await self._jobs.add(job)
        return job

    async def jobs(self, tenant: str, cursor: str | None, limit: int) -> Page[Job]:
        rows = await self._jobs.jobs(tenant, opened(cursor, is_uuid), checked(limit) + 1)
        return page(rows, limit, lambda job: job.id)

    async def job(self, tenant: str, job: str) -> Job:
        found = await self._jobs.job(tenant, job)
        if found is None:
            raise NotFound("job", job[:60])
        return found

    async def cancel(self, tenant: str, job: str) -> Job:
        """No further deliveries come of it; those made stay. Cancelling twice is fine."""
        ended = await self._jobs.cancel(tenant, job, self._clock.now(), CANCELLED_BY_HAND)
        if ended is None:
            raise NotFound("job", job[:60])
        if ended.state is JobState.DONE:
            raise Conflict("State", "a running job", ended.state)
        return ended

    async def resend(self, tenant: str, delivery: str) -> DeliveryRow:
        """Send one delivery again: one that waits or is quarantined becomes due now, one that ended gets a
        successor."""
        row = await self._ledger.delivery(tenant, delivery)
        if row is None:
            raise NotFound("delivery", delivery[:60])
        webhook = self._books.webhook(tenant, row.webhook)
        if webhook is None:
            raise Conflict("WebhookId", "a webhook that still exists", "a deleted one")
        if row.state in {"waiting", "quarantined"}:
            await self._jobs.hasten(tenant, delivery, self._clock.steady())
            self._handover.wake()
            return await self._shown(tenant, delivery)
        event = await self._ledger.event(tenant, row.event)
        if event is None:
            raise NotFound("event", row.event)
        successor = owe_again(event.event, webhook.id, self._ids.new(), self._clock.now(), f"resend:{delivery}")
        await self._jobs.enqueue(successor)
        self._handover.stored([successor])
        return await self._shown(tenant, successor.id)

    async def _shown(self, tenant: str, delivery: str) -> DeliveryRow:
        row = await self._ledger.delivery(tenant, delivery)
        if row is None:
            raise NotFound("delivery", delivery)
        return row

    async def _look(self, selection: Selection) -> Preview:
        """Few at a time, because each holds many events."""
        async with self._looks:
            return await self._walk(selection)

    async def _walk(self, selection: Selection) -> Preview:
        """Walk the selection as a job would, for a few seconds at most."""
        place, end = await self._jobs.bounds(selection)
        deadline = self._clock.steady() + LONGEST_LOOK
        scanned, matched = 0, 0
        examples: list[Event] = []
        stretch = Stretch((), place, selection.begins, done=place >= end)
        while not stretch.done and self._clock.steady() < deadline:
            stretch = await self._jobs.stretch(selection, stretch.place, end, stretch.at)
            for portion in portions(selection.filter, stretch.events):
                if self._clock.now() >= deadline:
                    return Preview(scanned, matched, complete=False, examples=tuple(examples))
                passing = await self._work.run(selection.tenant, partial(passing_of, selection.filter, portion))
                scanned += len(portion)
                matched += len(passing)
                examples += passing[: EXAMPLES - len(examples)]
        return Preview(scanned, matched, stretch.done, tuple(examples))

    def _selection(self, tenant: str, given: JobInput) -> Selection:
        kind = _kind(given.Kind)
        webhook = self._books.webhook(tenant, given.WebhookId)
        if webhook is None:
            raise NotFound("WebHook configuration", given.WebhookId[:60], code=NO_WEBHOOK)
        since, until = _span(given.Since, given.Until)
        return Selection(
            kind,
            tenant,
            webhook.id,
            since,
            until,
            _wanted(kind, webhook, given.Events),
            subject(given.Subject or None, "Subject"),
            _chosen(kind, webhook, given.Filter),
        )


def _kind(text: str) -> JobKind:
    folded = text.replace("_", "").lower()
    for kind in JobKind:
        if folded == kind.replace("_", ""):
            return kind
    raise InvalidField("Kind", ", ".join(JobKind), text[:40])


def _span(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    start = None if since is None else parse_iso(since, "Since")
    end = None if until is None else parse_iso(until, "Until")
    if start is not None and end is not None and end <= start:
        raise InvalidField("Until", "an instant after Since", until or "")
    return start, end


def _types(names: list[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    check_count(names, "Events")
    return tuple(event_type(name, f"Events[{index}]").name for index, name in enumerate(names))


def _wanted(kind: JobKind, webhook: Webhook, names: list[str] | None) -> tuple[str, ...] | None:
    """What failed is retried whatever its type; otherwise the webhook's own types unless others are named."""
    types = _types(names)
    if kind is JobKind.SEND_MISSED:
        strangers = [name for name in types or () if name not in webhook.events]
        if strangers:
            raise InvalidField("Events", "event types the webhook subscribes to", strangers[0])
    if types is None and kind is not JobKind.RETRY_FAILED:
        return webhook.events
    return types


def _chosen(kind: JobKind, webhook: Webhook, given: dict[str, Any] | None) -> str | None:
    if kind is not JobKind.SEND_MISSED:
        return options.event_filter(given)
    if given is not None:
        raise InvalidField("Filter", "nothing, because the webhook's own filter holds", "a filter")
    return webhook.filter
