"""Why an event was or was not sent to a webhook: from the ledger and the configuration of that time."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

import msgspec

from outrider.app.books import Books
from outrider.app.paging import LARGEST_PAGE
from outrider.domain.breaker import Circuit, Health
from outrider.domain.clock import iso
from outrider.domain.envelope import decoded
from outrider.domain.errors import NotFound
from outrider.domain.fanout import filter_of
from outrider.domain.model import Event, Webhook
from outrider.ports.clock import Clock
from outrider.ports.ledger import DeliveryQuery, DeliveryRow, Ledger, SkipRow, WebhookThen
from outrider.ports.work import Work

NO_WEBHOOK = 7986


class Because(StrEnum):
    """The answer in a word. A skipped event's is its `SkipReason`."""

    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    QUARANTINED = "quarantined"
    NOT_SUBSCRIBED = "not_subscribed"
    FILTERED = "filtered"
    NOT_YET_CREATED = "not_yet_created"
    DELETED_BEFORE = "deleted_before"
    UNACCOUNTED = "unaccounted"  # never expected: tell us


class Explanation(msgspec.Struct, frozen=True):
    """One webhook's answer: in a word, in a sentence, and the newest delivery, which it is about."""

    webhook: str
    name: str
    because: str
    sentence: str
    delivery: DeliveryRow | None = None


class _Evidence(msgspec.Struct, frozen=True):
    """The newest delivery for each webhook, the skips, and what is known of the tenant's receivers."""

    event: Event
    newest: dict[str, DeliveryRow]
    skips: list[SkipRow]
    healths: dict[str, Health]


class Explain:
    def __init__(self, *, ledger: Ledger, books: Books, clock: Clock, work: Work) -> None:
        self._ledger = ledger
        self._books = books
        self._clock = clock
        self._work = work

    async def event(self, tenant: str, event: str, webhook: str | None) -> list[Explanation]:
        """One explanation for the webhook, or for every webhook there is or was when the event happened."""
        found = await self._ledger.event(tenant, event)
        if found is None:
            raise NotFound("event", event[:60])
        past = await self._ledger.webhooks_then(tenant, event)
        if webhook is not None and webhook not in past:
            raise NotFound("WebHook configuration", webhook[:60], code=NO_WEBHOOK)
        there = {w for w, then in past.items() if then.webhook} | set(self._books.of(tenant).webhooks)
        asked = sorted(there & set(past)) if webhook is None else [webhook]
        evidence = await self._evidence(found.event, webhook)
        return [await self._one(evidence, each, past[each]) for each in asked]

    async def _evidence(self, event: Event, webhook: str | None) -> _Evidence:
        """What there is on an event, read once for all webhooks that are asked about."""
        newest: dict[str, DeliveryRow] = {}
        before: str | None = None
        query, limit = DeliveryQuery(webhook=webhook, event=event.id), 1 if webhook else LARGEST_PAGE
        while True:
            rows = await self._ledger.deliveries(event.tenant, query, before, limit)
            for row in rows:
                newest.setdefault(row.webhook, row)
            if webhook is not None or len(rows) < limit:
                break
            before = rows[-1].id
        skips = await self._ledger.skips(event.tenant, event.id)
        return _Evidence(event, newest, skips, await self._ledger.healths(event.tenant))

    async def _one(self, evidence: _Evidence, webhook: str, then: WebhookThen) -> Explanation:
        event = evidence.event
        now = self._books.webhook(event.tenant, webhook)
        named = now or then.webhook
        name = named.name if named else ""
        newest = evidence.newest.get(webhook)
        if newest is not None:
            because, sentence = await self._of_delivery(evidence, newest, now)
            return Explanation(webhook, name, because, sentence, newest)
        if evidence.skips:
            return Explanation(webhook, name, evidence.skips[0].reason, evidence.skips[0].detail)
        # A filter may take long; nobody asks often.
        filtered = then.webhook is not None and then.webhook.filter is not None
        judge = partial(_not_owed, event, then)
        because, sentence = await self._work.run(event.tenant, judge) if filtered else judge()
        return Explanation(webhook, name, because, sentence)

    async def _of_delivery(self, evidence: _Evidence, row: DeliveryRow, now: Webhook | None) -> tuple[Because, str]:
        tries = f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}"
        if row.state == "quarantined":
            fault = f"quarantined after {tries}, because Outrider fails to send it: {row.reason}"
            return Because.QUARANTINED, f"{fault}; resend it once that is mended"
        if row.state != "waiting":
            return Because(row.state), f"{row.state} after {tries}: {row.reason}"
        return Because.WAITING, f"waiting after {tries}: {await self._waits_for(evidence, row, now)}"

    async def _waits_for(self, evidence: _Evidence, row: DeliveryRow, webhook: Webhook | None) -> str:
        if webhook is None:
            return "the webhook is deleted, so it will be cancelled"
        if webhook.disabled_reason:
            return f"the webhook is disabled ({webhook.disabled_reason}); enabling it sends this"
        ahead = await self._ledger.held_behind(evidence.event.tenant, row.id)
        if ahead is not None:
            return f"delivery {ahead} has to end first ({webhook.ordering} order)"
        health = evidence.healths.get(webhook.id, Health())
        if health.circuit is Circuit.OPEN and health.probe is not None:
            return f"the receiver is down, its circuit is open; it is tried again at {iso(health.probe)}"
        last = f"the last one ended with {row.reason}; " if row.reason else ""
        if row.due is not None and row.due > self._clock.now():
            return f"{last}the next is due at {iso(row.due)}"
        return f"{last}the next is due now"


def _not_owed(event: Event, past: WebhookThen) -> tuple[Because, str]:
    """Why there is no delivery, by the webhook as it was when the event was accepted."""
    then = past.webhook
    if not past.created:
        return Because.NOT_YET_CREATED, "the webhook was created after the event was accepted"
    if then is None:
        return Because.DELETED_BEFORE, "the webhook had been deleted when the event was accepted"
    if event.type not in then.events:
        subscribed = ", ".join(then.events)
        return Because.NOT_SUBSCRIBED, f"it was subscribed to {subscribed}, not to {event.type}"
    if then.filter is not None:
        place = filter_of(then.filter).first_failure(decoded(event.body))
        if place is not None:
            return Because.FILTERED, f"its filter of that time does not let it pass: {place} does not hold"
    return Because.UNACCOUNTED, "it was owed this event and has no delivery; please report this as a defect"
