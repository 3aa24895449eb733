"""Test sends: a sample, or a payload of the caller's, sent once so that the answer can be looked at."""

from __future__ import annotations

from functools import partial

import msgspec

from outrider.app import fields
from outrider.app.names import event_type, subject_of
from outrider.app.reading import STRAIGHT, too_large
from outrider.app.webhooks import NOT_FOUND, Webhooks
from outrider.catalog import EventType
from outrider.domain.envelope import envelope
from outrider.domain.errors import NotFound
from outrider.domain.fanout import owe
from outrider.domain.ids import Ids
from outrider.domain.masking import Masking
from outrider.domain.model import Event
from outrider.ports.clock import Clock
from outrider.ports.trials import Prober, Trial
from outrider.ports.work import Work


class TrialInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook's first event type and its sample, when absent."""

    Event: fields.EventTypeName | None = None
    Data: fields.Payload | None = None


class Trials:
    """`largest` bounds a payload, in bytes."""

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        prober: Prober,
        clock: Clock,
        ids: Ids,
        masking: Masking,
        work: Work,
        largest: int,
    ) -> None:
        self._webhooks = webhooks
        self._prober = prober
        self._clock = clock
        self._ids = ids
        self._masking = masking
        self._largest = largest
        self._work = work

    async def send(self, tenant: str, webhook: str, given: TrialInput) -> Trial:
        """One attempt, signed and with everything the webhook adds. It leaves no trace in the ledger."""
        found = self._webhooks.get(tenant, webhook)
        kind = event_type(found.events[0] if given.Event is None else given.Event, "Event")
        data = msgspec.json.encode(kind.sample() if given.Data is None else given.Data)
        if len(data) > self._largest:
            raise too_large("Data", self._largest, len(data))
        make = partial(self._event, tenant, kind, data, self._ids.new(), self._clock.now())
        event = make() if len(data) <= STRAIGHT else await self._work.run(tenant, make)
        try:
            return await self._prober.probe(owe(event, found, self._ids.new()))
        except LookupError as error:
            raise NotFound("WebHook configuration", webhook[:60], code=NOT_FOUND) from error

    def _event(self, tenant: str, kind: EventType, data: bytes, identity: str, now: int) -> Event:
        return Event(
            id=identity,
            tenant=tenant,
            type=kind.name,
            subject=subject_of(kind, kind.decode(data)),
            operation=None,
            time=now,
            accepted=now,
            body=envelope(kind.name, identity, self._masking.payload(data), now),
            fingerprint=b"",
        )
