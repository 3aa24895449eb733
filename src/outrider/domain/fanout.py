"""Which webhooks an event is owed to: a pure function of the event and the tenant's configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from outrider.domain.envelope import decoded
from outrider.domain.filters import Filter, compile_filter
from outrider.domain.model import Delivery, Event, Ordering, TenantBook, Webhook

STRICT_KEY = ""  # no subject is empty
_compiled: dict[str, Filter] = {}
_KEPT = 10_000


def fan_out(event: Event, book: TenantBook, new_id: Callable[[], str]) -> list[Delivery]:
    """One delivery for each webhook subscribed to the event's type whose filter it passes.

    Disabled webhooks included: they keep their backlog, so they are owed their events all the same.
    """
    owed: list[Delivery] = []
    envelope: Any = None
    for webhook in book.by_event.get(event.type, ()):
        if webhook.filter is not None:
            envelope = envelope or decoded(event.body)
            if not filter_of(webhook.filter).matches(envelope):
                continue
        owed.append(owe(event, webhook, new_id()))
    return owed


def owe(event: Event, webhook: Webhook, delivery: str) -> Delivery:
    """A delivery of `event` to `webhook` on which nothing has been tried yet."""
    return Delivery(
        id=delivery,
        tenant=event.tenant,
        webhook=webhook.id,
        event=event.id,
        event_type=event.type,
        subject=event.subject,
        body=event.body,
        attempts=0,
        created=event.accepted,
        order_key=_order_key(event, webhook.ordering),
    )


def owe_again(event: Event, webhook: str, delivery: str, now: int, origin: str) -> Delivery:
    """A further delivery of a past event, made by the resend or job `origin`; it waits for no other."""
    return Delivery(
        id=delivery,
        tenant=event.tenant,
        webhook=webhook,
        event=event.id,
        event_type=event.type,
        subject=event.subject,
        body=event.body,
        attempts=0,
        created=now,
        origin=origin,
    )


def passes(text: str | None, event: Event) -> bool:
    """Whether the event's envelope passes a filter; none lets everything pass."""
    return text is None or filter_of(text).matches(decoded(event.body))


def filter_of(text: str) -> Filter:
    """The filter of a webhook, compiled once. Raises FilterError."""
    found = _compiled.get(text)
    if found is None:
        if len(_compiled) >= _KEPT:
            _compiled.clear()
        found = _compiled[text] = compile_filter(msgspec.json.decode(text))
    return found


def _order_key(event: Event, ordering: Ordering) -> str | None:
    if ordering is Ordering.NONE:
        return None
    return STRICT_KEY if ordering is Ordering.STRICT else event.subject
