"""What Outrider itself has to tell its operator: the payloads of the System family's events."""

from __future__ import annotations

from typing import Any

from outrider.domain.clock import iso
from outrider.domain.model import Delivery, Webhook

DELIVERY_EXHAUSTED = "DeliveryExhausted"
WEBHOOK_DISABLED = "WebhookDisabled"
SECRET_ROTATED = "SecretRotated"  # noqa: S105 - an event name
SYSTEM_EVENTS = frozenset({DELIVERY_EXHAUSTED, WEBHOOK_DISABLED, SECRET_ROTATED})


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
