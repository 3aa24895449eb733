"""Which webhooks an event is owed to: a pure function of the event and the tenant's webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from outrider.domain.model import Delivery, Event, Webhook


def fan_out(event: Event, webhooks: Mapping[str, Webhook], new_id: Callable[[], str]) -> list[Delivery]:
    """One delivery for each webhook subscribed to the event's type, disabled ones included.

    A disabled webhook keeps its backlog, so it is owed its events all the same.
    """
    return [owe(event, webhook.id, new_id()) for webhook in webhooks.values() if event.type in webhook.events]


def owe(event: Event, webhook: str, delivery: str) -> Delivery:
    """A delivery of `event` to `webhook` on which nothing has been tried yet."""
    return Delivery(
        id=delivery,
        tenant=event.tenant,
        webhook=webhook,
        event=event.id,
        event_type=event.type,
        subject=event.subject,
        body=event.body,
        attempts=0,
        created=event.accepted,
    )
