"""Looking back: what happened to every event. Used by `app/history.py`. Lists are newest first."""

from __future__ import annotations

from typing import Protocol

import msgspec

from outrider.domain.breaker import Health
from outrider.domain.model import Event, Webhook
from outrider.ports.queue import AttemptRecord


class EventQuery(msgspec.Struct, frozen=True):
    """Which events; None means any. Times are accepted instants, `since` inclusive, `until` exclusive."""

    type: str | None = None
    subject: str | None = None
    since: int | None = None
    until: int | None = None


class DeliveryQuery(msgspec.Struct, frozen=True):
    """Which deliveries; None means any. Times are of creation. `state` as in DeliveryRow;
    what is waiting includes what is quarantined."""

    type: str | None = None
    subject: str | None = None
    webhook: str | None = None
    event: str | None = None
    state: str | None = None
    since: int | None = None
    until: int | None = None


class EventRow(msgspec.Struct, frozen=True):
    """An event and its place in the list; `place` rises with every event stored."""

    place: int
    event: Event


class SkipRow(msgspec.Struct, frozen=True):
    event: str
    reason: str
    detail: str
    at: int


class DeliveryRow(msgspec.Struct, frozen=True):
    """A delivery as it stands. `state`: waiting, quarantined, delivered, exhausted or cancelled.

    `due` is set while waiting, by the wall clock, `ended` when it has ended; `reason` is of the last attempt.
    `webhook_name` outlives the webhook. `origin` is `resend:<delivery>` or `job:<job>`, None for the event itself.
    """

    id: str
    event: str
    event_type: str
    subject: str | None
    webhook: str
    webhook_name: str
    state: str
    attempts: int
    created: int
    due: int | None
    ended: int | None
    reason: str | None
    last_status: int | None
    origin: str | None


class LedgerLine(msgspec.Struct, frozen=True):
    """One line about a delivery, with its attempt when there was one."""

    line: str
    at: int
    reason: str | None
    attempt: AttemptRecord | None


class WebhookThen(msgspec.Struct, frozen=True):
    """A webhook at some instant of the past; without `webhook` it was deleted by then, or not yet `created`."""

    created: bool
    webhook: Webhook | None


class Ledger(Protocol):
    async def events(self, tenant: str, query: EventQuery, before: int | None, limit: int) -> list[EventRow]:
        """At most `limit`, newest first by the instant they were accepted, then by place; those behind the one at
        place `before`."""
        ...

    async def event(self, tenant: str, event: str) -> EventRow | None: ...

    async def skips(self, tenant: str, event: str) -> list[SkipRow]: ...

    async def deliveries(
        self, tenant: str, query: DeliveryQuery, before: str | None, limit: int
    ) -> list[DeliveryRow]:
        """At most `limit` deliveries with an id below `before`, highest id first; ids are time-ordered."""
        ...

    async def delivery(self, tenant: str, delivery: str) -> DeliveryRow | None: ...

    async def lines(self, tenant: str, delivery: str) -> list[LedgerLine]:
        """Everything the ledger has on one delivery, oldest first."""
        ...

    async def webhooks_then(self, tenant: str, event: str) -> dict[str, WebhookThen]:
        """Every webhook there ever was, as it was when the event was fanned out, by id."""
        ...

    async def held_behind(self, tenant: str, delivery: str) -> str | None:
        """The delivery that has to end before this one may be sent, because of their order."""
        ...

    async def healths(self, tenant: str) -> dict[str, Health]:
        """What is kept of the tenant's receivers, by webhook id, with instants of the wall clock."""
        ...
