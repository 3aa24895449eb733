"""Intake: from what a producer sent to one commit, and from there straight to the lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial

import msgspec

from outrider.app import fields
from outrider.app.books import Books
from outrider.app.reading import AT_A_TIME, EventInput, OperationInput, Read, Reader
from outrider.domain.custom_object import ObjectChange
from outrider.domain.errors import Conflict, OurError, PartlyStored
from outrider.domain.fanout import Verdicts, fan_out
from outrider.domain.ids import Ids
from outrider.domain.model import Acceptance, Delivery, Event, Skip, TenantBook, Webhook
from outrider.domain.operation import skips
from outrider.ports.handover import Handover
from outrider.ports.queue import IdTaken, Queue
from outrider.ports.work import Work

AT_ONCE = 500  # deliveries made before everybody else has a turn
# One commit's share of a request; the rest follows in further ones. An event is never divided.
PART_DELIVERIES = 5_000
PART_BYTES = 8 * 1024 * 1024


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """One accepted event, as the 202 names it."""

    Id: fields.EventId
    Event: fields.CanonicalName


class Intake:
    """Accepts events and operations of an authenticated tenant."""

    def __init__(
        self,
        *,
        books: Books,
        queue: Queue,
        handover: Handover,
        reader: Reader,
        ids: Ids,
        work: Work,
    ) -> None:
        self._books = books
        self._queue = queue
        self._handover = handover
        self._reader = reader
        self._ids = ids
        self._work = work

    def accept_one(self, tenant: str, event: EventInput, *, prevented: bool) -> Awaitable[list[Accepted]]:
        """Accept one event; errors name its fields. Committed on return."""
        read = self._reader.small(tenant, event)
        if read is None:
            return self._accept_large(tenant, event, prevented=prevented)
        return self._accept(tenant, [read], prevented=prevented)

    async def _accept_large(self, tenant: str, event: EventInput, *, prevented: bool) -> list[Accepted]:
        return await self._accept(tenant, [await self._reader.one(tenant, event)], prevented=prevented)

    async def accept_many(self, tenant: str, events: list[EventInput], *, prevented: bool) -> list[Accepted]:
        """Accept independent events: all are checked before the first is stored, then stored in their order, in one
        commit unless they are owed to very many webhooks. Errors name the event by its index.

        The list is empty on return, so that a large request is not in memory twice.
        """
        read = await self._reader.all(tenant, events, "")
        return await self._accept(tenant, read, prevented=prevented)

    async def accept_operation(self, tenant: str, operation: OperationInput, *, prevented: bool) -> list[Accepted]:
        """Accept the events of one operation, judged together as a whole, then stored as those of `accept_many`."""
        read = await self._reader.all(tenant, operation.Events, "Events")
        return await self._accept(tenant, read, prevented=prevented, bulk=operation.Bulk, operation=self._ids.new())

    async def accept_change(
        self, tenant: str, event: EventInput, changes: tuple[ObjectChange, ...], *, prevented: bool
    ) -> None:
        """Accept an event of ours that tells of `changes`: both are committed on return, or neither.

        Raises ports.objects.ObjectMoved and ObjectFull.
        """
        read = await self._reader.own(tenant, event)
        await self._accept(tenant, [read], prevented=prevented, objects=changes)

    async def _accept(
        self,
        tenant: str,
        read: list[Read],
        *,
        prevented: bool,
        bulk: bool = False,
        operation: str | None = None,
        objects: tuple[ObjectChange, ...] = (),
    ) -> list[Accepted]:
        events = tuple([r.event for r in read])
        if operation:
            events = tuple([msgspec.structs.replace(event, operation=operation) for event in events])
        # Only an operation's events are judged together; events of an array are strangers to each other.
        judged = [r.happening for r in read] if operation or prevented else []
        skipped = skips(judged, bulk=bulk, prevented=prevented)

        stored = 0
        try:
            while stored < len(events):
                rest = events[stored:] if stored else events
                stored += await self._books.current(
                    tenant,
                    lambda book: self._commit(book, rest, skipped, objects),  # noqa: B023 - awaited at once
                )
        except IdTaken as taken:
            given = f"{taken.args[0]}{_and_stored(stored, len(events))}"
            raise Conflict("Id", "an id not used for another event", given) from taken
        except OurError as error:
            if stored:
                raise PartlyStored(stored, len(events)) from error
            raise
        return [Accepted(event.id, event.type) for event in events]

    async def _compose(
        self,
        book: TenantBook,
        events: tuple[Event, ...],
        skipped: dict[str, Skip],
        objects: tuple[ObjectChange, ...],
    ) -> tuple[Acceptance, list[Delivery]]:
        """As many of the events as one commit takes, and their deliveries that found a place in a lane."""
        deliveries: list[Delivery] = []
        size = paused = 0
        for count, event in enumerate(events):
            webhooks = () if event.id in skipped else book.by_event.get(event.type, ())
            size += len(event.body)
            if count and (len(deliveries) + len(webhooks) > PART_DELIVERIES or size > PART_BYTES):
                events = events[:count]
                break
            if (count and count % AT_A_TIME == 0) or len(deliveries) - paused > AT_ONCE:
                await asyncio.sleep(0)
                paused = len(deliveries)
            if event.type in book.filtered or len(webhooks) > AT_ONCE:
                await self._fan_out(event, webhooks, deliveries)
            else:
                deliveries += fan_out(event, webhooks, self._ids.new)
        admitted = [d for d in deliveries if self._handover.admit(d)]
        acceptance = Acceptance(
            tenant=book.tenant.id,
            book_version=book.version,
            events=events,
            deliveries=tuple(deliveries),
            skips=tuple([skipped[event.id] for event in events if event.id in skipped]) if skipped else (),
            leased=frozenset([d.id for d in admitted]),
            objects=objects,
        )
        return acceptance, admitted

    async def _fan_out(self, event: Event, webhooks: Sequence[Webhook], deliveries: list[Delivery]) -> None:
        """Add the event's deliveries to many webhooks, or to webhooks with filters: a part of them at a time."""
        verdicts = Verdicts(event)
        for start in range(0, len(webhooks), AT_ONCE):
            if start:
                await asyncio.sleep(0)
            some = webhooks[start : start + AT_ONCE]
            for portion in verdicts.heavy([webhook.filter for webhook in some]):
                await self._work.run(event.tenant, partial(verdicts.learn, portion))
            deliveries += fan_out(event, some, self._ids.new, verdicts)

    async def _commit(
        self,
        book: TenantBook,
        events: tuple[Event, ...],
        skipped: dict[str, Skip],
        objects: tuple[ObjectChange, ...],
    ) -> int:
        """Commit the first of the events, as many as one commit takes; returns how many."""
        acceptance, admitted = await self._compose(book, events, skipped, objects)
        try:
            receipt = await self._queue.accept(acceptance)
        except BaseException:
            self._handover.withdraw(admitted)
            raise
        if receipt.repeats or receipt.held:
            stays = [d for d in admitted if d.event in receipt.repeats or d.id in receipt.held]
            self._handover.withdraw(stays)
            admitted = [d for d in admitted if d.event not in receipt.repeats and d.id not in receipt.held]
        self._handover.start(admitted)
        if len(acceptance.leased) < len(acceptance.deliveries):
            self._handover.stored(
                d
                for d in acceptance.deliveries
                if d.id not in acceptance.leased and d.id not in receipt.held and d.event not in receipt.repeats
            )
        return len(acceptance.events)


def _and_stored(stored: int, of: int) -> str:
    return f"; the first {stored} of {of} events are stored" if stored else ""
