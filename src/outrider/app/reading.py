"""Reading events: from a producer's bytes to events that are checked, masked, and ready to be stored.

That is most of the work intake does, and it grows with the payloads: small ones are read on the event loop, the
others on the workbench, a portion at a time.
"""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from outrider import catalog
from outrider.app import fields, names, wellformed
from outrider.catalog import EventType, Family
from outrider.domain.clock import parse_iso
from outrider.domain.envelope import decoded, envelope, modified_fields
from outrider.domain.errors import CallerError, InvalidField
from outrider.domain.ids import Ids, is_uuid
from outrider.domain.masking import Masking
from outrider.domain.model import Event
from outrider.domain.operation import Happening
from outrider.ports.clock import Clock
from outrider.ports.vault import Vault
from outrider.ports.work import Work

UNKNOWN_EVENT = 1086
TOO_MANY_EVENTS = 1090
BODY_TOO_LARGE = 7913
MOST_EVENTS = 1_000
AT_A_TIME = 25  # events of a request; then everybody else has a turn
STRAIGHT = 32 * 1024  # bytes of payloads that are read on the loop; more are read on the workbench
PORTION = 256 * 1024  # bytes of payloads read there at a time, or one event


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


class Limits(msgspec.Struct, frozen=True):
    """Per request and per event; bytes of `Data`."""

    events: int = MOST_EVENTS
    event_bytes: int = 256 * 1024


class Read(msgspec.Struct, frozen=True, gc=False):
    """An event, and what the rules of operations need to know of it."""

    event: Event
    happening: Happening


_Start = tuple[int, str]  # the instant, and the id of an event that names none
_Ready = tuple[EventInput, str, _Start]  # an event to read, and the prefix of its fields


class Reader:
    """Reads the events of an authenticated tenant. Everything raises CallerError naming the field at fault."""

    def __init__(
        self, *, vault: Vault, clock: Clock, ids: Ids, limits: Limits, masking: Masking, work: Work
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._masking = masking
        self._work = work

    def small(self, tenant: str, given: EventInput) -> Read | None:
        """One event, at once; None when it is too large for that: then `one`."""
        size = len(given.Data) if given.Previous is UNSET else _size(given)
        return None if size > STRAIGHT else self._read(tenant, given, "", self._start(given))

    async def one(self, tenant: str, given: EventInput) -> Read:
        return await self._work.run(tenant, partial(self._read, tenant, given, "", self._start(given)))

    async def own(self, tenant: str, given: EventInput) -> Read:
        """An event of ours, of any size."""
        work = partial(self._make, tenant, given, self._start(given))
        return work() if _size(given) <= STRAIGHT else await self._work.run(tenant, work)

    async def all(self, tenant: str, events: list[EventInput], field: str) -> list[Read]:
        """The events of a request, whose errors name them as elements of `field`. The list is empty on return, so
        that a large request is not in memory twice."""
        _check_count(len(events), field, self._limits.events)
        read: list[Read] = []
        if sum([_size(event) for event in events]) <= STRAIGHT:
            for index, event in enumerate(events):
                if index and index % AT_A_TIME == 0:
                    await asyncio.sleep(0)
                read.append(self._read(tenant, event, f"{field}[{index}].", self._start(event)))
        else:
            while len(read) < len(events):
                portion = self._portion(events, len(read), field)
                read += await self._work.run(tenant, partial(self._read_some, tenant, portion))
        events.clear()
        return read

    def _portion(self, events: list[EventInput], first: int, field: str) -> list[_Ready]:
        """The next events to read on the workbench."""
        found: list[_Ready] = []
        left = PORTION
        for index in range(first, len(events)):
            left -= _size(events[index])
            if left < 0 and found:
                break
            found.append((events[index], f"{field}[{index}].", self._start(events[index])))
        return found

    def _start(self, given: EventInput) -> _Start:
        """What only the loop may take: the instant, and an id for an event that has none."""
        return self._clock.now(), self._ids.new() if given.Id is None else ""

    def _read_some(self, tenant: str, events: list[_Ready]) -> list[Read]:
        return [self._read(tenant, given, prefix, start) for given, prefix, start in events]

    def _read(self, tenant: str, given: EventInput, prefix: str, start: _Start) -> Read:
        """Check one event and make it, in any thread."""
        most = self._limits.event_bytes
        try:
            if len(given.Data) > most:
                raise too_large("Data", most, len(given.Data))
            if given.Previous is not UNSET and len(given.Previous) > most:
                raise too_large("Previous", most, len(given.Previous))
            return self._make(tenant, given, start)
        except CallerError as error:
            if not prefix or error.field is None:
                raise
            raise placed(error, prefix) from error

    def _make(self, tenant: str, given: EventInput, start: _Start) -> Read:
        kind = _known_type(given.Event)
        data = bytes(given.Data)
        wellformed.check(data, "Data")
        payload = kind.decode(data)
        now, identity = start
        if given.Id is not None:
            identity = _event_id(given.Id)
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
        return Read(
            event,
            Happening(
                id=identity,
                type=kind.name,
                partner_iam=kind.family is Family.PARTNER_IAM,
                organization=given.Subject or kind.organization(payload),
            ),
        )


def _check_count(count: int, field: str, most: int) -> None:
    if not 1 <= count <= most:
        raise InvalidField(field or "body", f"1 to {most} events", f"{count}", code=TOO_MANY_EVENTS)


def _size(given: EventInput) -> int:
    """Bytes to look at."""
    return len(given.Data) + (0 if given.Previous is UNSET else len(given.Previous))


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


def too_large(field: str, limit: int, size: int | str) -> CallerError:
    return CallerError(
        "The request is too large",
        f"{field}: expected at most {limit} bytes, given {size}",
        code=BODY_TOO_LARGE,
        status=413,
        field=field,
        expected=f"at most {limit} bytes",
        given=str(size),
    )


def placed(error: CallerError, prefix: str) -> CallerError:
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
