"""Intake: from what a producer sent to one commit, and from there straight to the lanes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from outrider import catalog
from outrider.app import fields, names, wellformed
from outrider.app.books import Books
from outrider.catalog import EventType, Family
from outrider.domain.clock import parse_iso
from outrider.domain.custom_object import ObjectChange
from outrider.domain.envelope import decoded, envelope, modified_fields
from outrider.domain.errors import CallerError, Conflict, InvalidField
from outrider.domain.fanout import fan_out
from outrider.domain.ids import Ids, is_uuid
from outrider.domain.masking import Masking
from outrider.domain.model import Acceptance, Delivery, Event, Skip, TenantBook
from outrider.domain.operation import Happening, skips
from outrider.ports.clock import Clock
from outrider.ports.handover import Handover
from outrider.ports.queue import IdTaken, Queue
from outrider.ports.vault import Vault

UNKNOWN_EVENT = 1086
BODY_TOO_LARGE = 7913
MOST_EVENTS = 1_000
AT_A_TIME = 25  # events of a large request; then everybody else has a turn


class EventInput(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a producer says of one event. `Data` and `Previous` stay the producer's bytes."""

    Event: fields.SentEventTypeName
    Data: fields.SentPayload
    Id: fields.EventId | None = None
    Time: fields.Instant | None = None
    Subject: fields.Subject | None = None
    Previous: fields.Previous | UnsetType = UNSET


class OperationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a producer did in one transaction."""

    Events: Annotated[list[EventInput], fields.described("Judged together.", minItems=1, maxItems=MOST_EVENTS)]
    Bulk: fields.Bulk = False


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """One accepted event, as the 202 names it."""

    Id: fields.EventId
    Event: fields.CanonicalName


class Limits(msgspec.Struct, frozen=True):
    """Per request and per event; bytes of `Data`."""

    events: int = MOST_EVENTS
    event_bytes: int = 256 * 1024


class Intake:
    """Accepts events and operations of an authenticated tenant."""

    def __init__(
        self,
        *,
        books: Books,
        queue: Queue,
        handover: Handover,
        vault: Vault,
        clock: Clock,
        ids: Ids,
        limits: Limits,
        masking: Masking,
    ) -> None:
        self._books = books
        self._queue = queue
        self._handover = handover
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._masking = masking

    def accept_one(self, tenant: str, event: EventInput, *, prevented: bool) -> Awaitable[list[Accepted]]:
        """Accept one event; errors name its fields. Committed on return."""
        return self._accept(tenant, [self._read(tenant, event, "")], prevented=prevented)

    async def accept_many(self, tenant: str, events: Sequence[EventInput], *, prevented: bool) -> list[Accepted]:
        """Accept independent events, all or none; errors name the event by its index."""
        read = await self._read_all(tenant, events, "")
        return await self._accept(tenant, read, prevented=prevented)

    async def accept_operation(self, tenant: str, operation: OperationInput, *, prevented: bool) -> list[Accepted]:
        """Accept the events of one operation, judged together, all or none."""
        read = await self._read_all(tenant, operation.Events, "Events")
        return await self._accept(tenant, read, prevented=prevented, bulk=operation.Bulk, operation=self._ids.new())

    async def accept_change(
        self, tenant: str, event: EventInput, changes: tuple[ObjectChange, ...], *, prevented: bool
    ) -> None:
        """Accept an event of ours that tells of `changes`: both are committed on return, or neither.

        Raises ports.objects.ObjectMoved and ObjectFull.
        """
        await self._accept(tenant, [self._make(tenant, event)], prevented=prevented, objects=changes)

    async def _read_all(self, tenant: str, events: Sequence[EventInput], field: str) -> list[_Read]:
        if not 1 <= len(events) <= self._limits.events:
            expected = f"1 to {self._limits.events} events"
            raise InvalidField(field or "body", expected, f"{len(events)}", code=1090)
        read: list[_Read] = []
        for start in range(0, len(events), AT_A_TIME):
            if start:
                await asyncio.sleep(0)
            some = enumerate(events[start : start + AT_A_TIME], start)
            read += [self._read(tenant, event, f"{field}[{index}].") for index, event in some]
        return read

    def _read(self, tenant: str, given: EventInput, prefix: str) -> _Read:
        """Check one event and make it; raises CallerError naming the field under `prefix`."""
        try:
            if len(given.Data) > self._limits.event_bytes:
                raise too_large("Data", self._limits.event_bytes, len(given.Data))
            return self._make(tenant, given)
        except CallerError as error:
            if not prefix or error.field is None:
                raise
            raise _placed(error, prefix) from error

    def _make(self, tenant: str, given: EventInput) -> _Read:
        kind = _known_type(given.Event)
        data = bytes(given.Data)
        wellformed.check(data, "Data")
        payload = kind.decode(data)
        now = self._clock.now()
        identity = _event_id(given.Id) if given.Id is not None else self._ids.new()
        happened = now if given.Time is None else parse_iso(given.Time, "Time")
        previous = b"" if given.Previous is UNSET else bytes(given.Previous)
        modified = _modified(kind, data, previous)
        event = Event(
            id=identity,
            tenant=tenant,
            type=kind.name,
            subject=names.subject(given.Subject, "Subject") or names.subject_of(kind, payload),
            operation=None,
            time=happened,
            accepted=now,
            body=envelope(kind.name, identity, self._masking.payload(data), happened, modified),
            fingerprint=self._vault.fingerprint(_content(kind.name, given, data, previous)),
        )
        return _Read(
            event,
            Happening(
                id=identity,
                type=kind.name,
                partner_iam=kind.family is Family.PARTNER_IAM,
                organization=given.Subject or kind.organization(payload),
            ),
        )

    async def _accept(
        self,
        tenant: str,
        read: list[_Read],
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

        try:
            await self._books.current(tenant, lambda book: self._commit(book, events, skipped, objects))
        except IdTaken as taken:
            raise Conflict("Id", "an id not used for another event", str(taken.args[0])) from taken
        return [Accepted(event.id, event.type) for event in events]

    async def _compose(
        self,
        book: TenantBook,
        events: tuple[Event, ...],
        skipped: dict[str, Skip],
        objects: tuple[ObjectChange, ...],
    ) -> tuple[Acceptance, list[Delivery]]:
        sent = [event for event in events if event.id not in skipped] if skipped else events
        deliveries: list[Delivery] = []
        for start in range(0, len(sent), AT_A_TIME):
            if start:
                await asyncio.sleep(0)
            for event in sent[start : start + AT_A_TIME]:
                deliveries += fan_out(event, book, self._ids.new)
        admitted = [d for d in deliveries if self._handover.admit(d)]
        acceptance = Acceptance(
            tenant=book.tenant.id,
            book_version=book.version,
            events=events,
            deliveries=tuple(deliveries),
            skips=tuple(skipped.values()),
            leased=frozenset([d.id for d in admitted]),
            objects=objects,
        )
        return acceptance, admitted

    async def _commit(
        self,
        book: TenantBook,
        events: tuple[Event, ...],
        skipped: dict[str, Skip],
        objects: tuple[ObjectChange, ...],
    ) -> None:
        acceptance, admitted = await self._compose(book, events, skipped, objects)
        try:
            receipt = await self._queue.accept(acceptance)
        except BaseException:
            self._handover.withdraw(admitted)
            raise
        if receipt.repeats or receipt.held:
            stays = [d for d in admitted if d.event in receipt.repeats or d.id in receipt.held]
            self._handover.withdraw(stays)
            admitted = [d for d in admitted if d not in stays]
        self._handover.start(admitted)
        if len(acceptance.leased) < len(acceptance.deliveries):
            self._handover.stored(
                d
                for d in acceptance.deliveries
                if d.id not in acceptance.leased and d.id not in receipt.held and d.event not in receipt.repeats
            )


class _Read(msgspec.Struct, frozen=True, gc=False):
    event: Event
    happening: Happening


def _known_type(name: str) -> EventType:
    kind = catalog.find(name)
    if kind is None or kind.family is Family.SYSTEM:
        expected = "an event type of GET /v2/manage/event-types that producers may send"
        raise InvalidField("Event", expected, name[:60], code=UNKNOWN_EVENT)
    return kind


def _event_id(text: str) -> str:
    if is_uuid(text):
        return text
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidField("Id", "a UUID, the same whenever this event is sent again", text[:60]) from None


def _modified(kind: EventType, data: bytes, previous: bytes) -> tuple[str, ...] | None:
    """The changed fields of a profile update that names its previous state; None when it does not."""
    if previous in (b"", b"null"):
        return None
    if kind.name != "UpdateProfile":
        raise InvalidField("Previous", "nothing, but for UpdateProfile", "a previous state")
    wellformed.check(previous, "Previous")
    before = decoded(previous)
    if not isinstance(before, dict):
        raise InvalidField("Previous", "a JSON object, the profile before the update", "something else")
    return modified_fields(before, decoded(data))


def _content(name: str, given: EventInput, data: bytes, previous: bytes) -> bytes:
    """What makes two events with one id the same: everything the producer said, white space of JSON included."""
    return msgspec.msgpack.encode((name, given.Time, given.Subject, data, previous))


def too_large(field: str, limit: int, size: int) -> CallerError:
    return CallerError(
        "The request is too large",
        f"{field}: expected at most {limit} bytes, given {size}",
        code=BODY_TOO_LARGE,
        status=413,
        field=field,
        expected=f"at most {limit} bytes",
        given=str(size),
    )


def _placed(error: CallerError, prefix: str) -> CallerError:
    """The same error, its field named inside the array."""
    field = f"{prefix}{error.field}"
    return CallerError(
        error.message,
        f"{field}: expected {error.expected}, given {error.given}",
        code=error.code,
        status=error.status,
        field=field,
        expected=error.expected,
        given=error.given,
    )
