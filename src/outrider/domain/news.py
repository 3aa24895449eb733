"""What Outrider itself has to tell its operator: the payloads of the System family's events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from outrider.domain.clock import iso
from outrider.domain.envelope import envelope
from outrider.domain.fanout import fan_out
from outrider.domain.model import Acceptance, Delivery, Event, TenantBook, Webhook
from outrider.domain.operation import prevented_skip

DELIVERY_EXHAUSTED = "DeliveryExhausted"
DELIVERY_QUARANTINED = "DeliveryQuarantined"
WEBHOOK_DISABLED = "WebhookDisabled"
SECRET_ROTATED = "SecretRotated"  # noqa: S105 - an event name
SYSTEM_EVENTS = frozenset({DELIVERY_EXHAUSTED, DELIVERY_QUARANTINED, WEBHOOK_DISABLED, SECRET_ROTATED})


def delivery_exhausted(
    delivery: Delivery, webhook: Webhook, *, attempts: int, status: int | None, error: str | None, at: int
) -> dict[str, Any]:
    """A delivery ended without arriving. Never raised about a System event, so it cannot feed itself."""
    return {
        "DeliveryId": delivery.id,
        "EventId": delivery.event,
        "Event": delivery.event_type,
        "WebhookId": webhook.id,
        "WebhookName": webhook.name,
        "Attempts": attempts,
        "LastStatus": status,
        "LastError": error,
        "ExhaustedDate": iso(at),
    }


def delivery_quarantined(
    delivery: Delivery, webhook: Webhook, *, attempts: int, reason: str, at: int
) -> dict[str, Any]:
    """A delivery waits until it is sent again by hand, because of a fault of ours. Never raised about a System
    event."""
    return {
        "DeliveryId": delivery.id,
        "EventId": delivery.event,
        "Event": delivery.event_type,
        "WebhookId": webhook.id,
        "WebhookName": webhook.name,
        "Attempts": attempts,
        "Reason": reason,
        "QuarantinedDate": iso(at),
    }


def webhook_disabled(webhook: Webhook, target: str, reason: str, at: int) -> dict[str, Any]:
    """A webhook was disabled by its receiver's behaviour. `target` is the URL as it may be shown."""
    return {
        "WebhookId": webhook.id,
        "Name": webhook.name,
        "TargetUrl": target,
        "Reason": reason,
        "DisabledDate": iso(at),
    }


def secret_rotated(name: str, version: int, previous_valid_until: int, at: int) -> dict[str, Any]:
    """A named secret got a new version; the one before stays valid for the overlap."""
    return {
        "SecretName": name,
        "Version": version,
        "PreviousValidUntil": iso(previous_valid_until),
        "RotatedDate": iso(at),
    }


def announce(
    book: TenantBook,
    name: str,
    subject: str,
    payload: dict[str, Any],
    *,
    now: int,
    new_id: Callable[[], str],
    prevented: bool = False,
) -> Acceptance:
    """Our own event, owed to every webhook subscribed to it unless the call that raised it `prevented` that.

    To be committed with what it tells of.
    """
    identity = new_id()
    event = Event(
        id=identity,
        tenant=book.tenant.id,
        type=name,
        subject=subject,
        operation=None,
        time=now,
        accepted=now,
        body=envelope(name, identity, msgspec.json.encode(payload), now),
        fingerprint=b"",
    )
    deliveries = () if prevented else tuple(fan_out(event, book.by_event.get(name, ()), new_id))
    skips = (prevented_skip(identity),) if prevented else ()
    return Acceptance(book.tenant.id, book.version, (event,), deliveries, skips)
