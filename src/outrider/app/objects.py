"""Custom objects: records about users, every change committed together with the event that tells of it.

Records are sealed where they are stored and come back as they were given; their events are masked like all others.
Shapes: LoginRadius' custom object API. A record's content is the caller's, so it is never folded or reordered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar
from weakref import WeakValueDictionary

import msgspec

from outrider.app import fields
from outrider.app.accept import Intake
from outrider.app.books import LOOKS
from outrider.app.reading import STRAIGHT, EventInput, too_large
from outrider.domain import object_content
from outrider.domain.clock import iso
from outrider.domain.custom_object import MOST_RECORDS, CustomObject, ObjectChange
from outrider.domain.errors import CallerError, StoreUnavailable
from outrider.domain.ids import object_id
from outrider.domain.object_content import refusal
from outrider.ports.clock import Clock, Entropy
from outrider.ports.objects import CustomObjects, ObjectFull, ObjectMoved
from outrider.ports.vault import Vault
from outrider.ports.work import Work

POST_INVALID, PUT_INVALID = 965, 1079
T = TypeVar("T")


class ObjectRecord(msgspec.Struct, frozen=True):
    """A record as the API shows it and its events carry it; in the event of a deletion, as it was."""

    Id: fields.RecordId
    IsActive: Annotated[bool, fields.described("Always true.")]
    DateCreated: fields.Instant
    DateModified: fields.Instant
    IsDeleted: Annotated[bool, fields.described("Always false.")]
    Uid: fields.Uid
    CustomObject: fields.ObjectContent


class Place(msgspec.Struct, frozen=True):
    """Where records are: an object of a tenant about a user."""

    tenant: str
    uid: str
    name: str


def place_of(tenant: str, uid: str, object_name: str | None) -> Place:
    """Raises CallerError (908, 1064, 1200)."""
    return Place(tenant, object_content.checked_uid(uid), object_content.object_name(object_name))


class Objects:
    """`largest` bounds the JSON of one record, in bytes."""

    def __init__(
        self,
        *,
        objects: CustomObjects,
        intake: Intake,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        work: Work,
        largest: int,
    ) -> None:
        self._objects = objects
        self._intake = intake
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._work = work
        self.largest = largest
        self._turns: WeakValueDictionary[tuple[Place, str], asyncio.Lock] = WeakValueDictionary()

    async def all(self, place: Place) -> list[ObjectRecord]:
        """Oldest first, at most MOST_RECORDS."""
        found = await self._objects.records(place.tenant, place.uid, place.name)
        return await self._worked(
            place, sum(len(record.data) for record in found), lambda: [self._shown(record) for record in found]
        )

    async def get(self, place: Place, record: str) -> ObjectRecord:
        return self._shown(await self._find(place, record))

    async def create(self, place: Place, body: bytes, *, prevented: bool) -> ObjectRecord:
        content = await self._worked(
            place,
            len(body),
            lambda: self._fitting(object_content.written(object_content.parse(body, POST_INVALID))),
        )
        now = self._clock.now()
        record = self._sealed(
            CustomObject(
                id=object_id(now, self._entropy.bytes(8)),
                tenant=place.tenant,
                uid=place.uid,
                name=place.name,
                data=b"",
                created=now,
                modified=now,
                revision=1,
            ),
            content,
        )
        shown = _record(record, content)
        try:
            await self._commit("CreateCustomObject", ObjectChange(record), shown, prevented=prevented)
        except ObjectFull:
            raise _full(place) from None
        return shown

    async def update(
        self, place: Place, record: str, body: bytes, update_type: str | None, *, prevented: bool
    ) -> ObjectRecord:
        """Replace the content, or the top-level fields that `body` names."""
        kind = object_content.update_type(update_type)
        given = await self._worked(place, len(body), lambda: object_content.parse(body, PUT_INVALID))

        def make(stored: CustomObject) -> tuple[ObjectChange, ObjectRecord]:
            content = self._fitting(object_content.changed(self._opened(stored), given, kind))
            modified = max(self._clock.now(), stored.modified)
            after = msgspec.structs.replace(stored, modified=modified, revision=stored.revision + 1)
            after = self._sealed(after, content)
            return ObjectChange(after), _record(after, content)

        return await self._change("UpdateCustomObject", place, record, make, prevented=prevented)

    async def delete(self, place: Place, record: str, *, prevented: bool) -> None:
        def make(stored: CustomObject) -> tuple[ObjectChange, ObjectRecord]:
            return ObjectChange(stored, deleted=True), self._shown(stored)

        await self._change("DeleteCustomObject", place, record, make, prevented=prevented)

    async def _change(
        self,
        event: str,
        place: Place,
        record: str,
        make: Callable[[CustomObject], tuple[ObjectChange, ObjectRecord]],
        *,
        prevented: bool,
    ) -> ObjectRecord:
        """Commit what `make` makes of the stored record; made again when another process was faster."""
        # Within this process changes of a record take turns, so that many at once all come through.
        async with self._turns.setdefault((place, record), asyncio.Lock()):
            for _ in range(LOOKS):
                stored = await self._find(place, record)
                change, shown = await self._worked(place, len(stored.data), partial(make, stored))
                try:
                    await self._commit(event, change, shown, prevented=prevented)
                except ObjectMoved:
                    continue
                return shown
        raise StoreUnavailable("the custom object kept changing during the request")

    async def _worked(self, place: Place, size: int, work: Callable[[], T]) -> T:
        """What `work` on `size` bytes makes; much of it is done beside the event loop."""
        return work() if size <= STRAIGHT else await self._work.run(place.tenant, work)

    async def _commit(self, event: str, change: ObjectChange, shown: ObjectRecord, *, prevented: bool) -> None:
        data = msgspec.Raw(msgspec.json.encode(shown))
        await self._intake.accept_change(
            change.record.tenant, EventInput(Event=event, Data=data), (change,), prevented=prevented
        )

    async def _find(self, place: Place, record: str) -> CustomObject:
        found = await self._objects.record(place.tenant, place.uid, place.name, record)
        if found is None:
            message = "Custom object is not found or does not exist"
            expected = f"a record of {place.name} of this user"
            raise refusal(1057, 403, message, field="objectrecordid", expected=expected, given=record[:60])
        return found

    def _fitting(self, content: bytes) -> bytes:
        if len(content) > self.largest:
            raise too_large("body", self.largest, len(content))
        return content

    def _shown(self, record: CustomObject) -> ObjectRecord:
        return _record(record, self._opened(record))

    def _sealed(self, record: CustomObject, content: bytes) -> CustomObject:
        return msgspec.structs.replace(record, data=self._vault.seal_content(content, _row(record)))

    def _opened(self, record: CustomObject) -> bytes:
        return self._vault.unseal_content(record.data, _row(record))


def _row(record: CustomObject) -> str:
    return f"custom-object/{record.tenant}/{record.uid}/{record.name}/{record.id}"


def _record(record: CustomObject, content: bytes) -> ObjectRecord:
    return ObjectRecord(
        Id=record.id,
        IsActive=True,
        DateCreated=iso(record.created),
        DateModified=iso(record.modified),
        IsDeleted=False,
        Uid=record.uid,
        CustomObject=msgspec.Raw(content),
    )


def _full(place: Place) -> CallerError:
    message = "Maximum limit has reached for this custom object"
    expected = f"at most {MOST_RECORDS} records of a user"
    return refusal(1002, 403, message, field="objectname", expected=expected, given=f"one more of {place.name}")
