"""The System family: what Outrider itself tells its operator. Producers cannot send these."""

from __future__ import annotations

from outrider.catalog import samples
from outrider.catalog.event_type import EventType, Family
from outrider.catalog.system import DisabledWebhook, ExhaustedDelivery, QuarantinedDelivery, RotatedSecret
from outrider.domain.news import DELIVERY_EXHAUSTED, DELIVERY_QUARANTINED, SECRET_ROTATED, WEBHOOK_DISABLED

SYSTEM = (
    EventType(
        WEBHOOK_DISABLED,
        Family.SYSTEM,
        "A webhook was disabled because its receiver asked for no more, or did nothing but fail.",
        DisabledWebhook,
        samples.system,
        subject_of=lambda payload: payload.WebhookId,
    ),
    EventType(
        DELIVERY_EXHAUSTED,
        Family.SYSTEM,
        "A delivery ended without arriving.",
        ExhaustedDelivery,
        samples.system,
        subject_of=lambda payload: payload.WebhookId,
    ),
    EventType(
        DELIVERY_QUARANTINED,
        Family.SYSTEM,
        "A delivery cannot be sent because of a fault of Outrider's own, and waits to be sent again by hand.",
        QuarantinedDelivery,
        samples.system,
        subject_of=lambda payload: payload.WebhookId,
    ),
    EventType(
        SECRET_ROTATED,
        Family.SYSTEM,
        "A signing secret got a new version.",
        RotatedSecret,
        samples.system,
        subject_of=lambda payload: payload.SecretName,
    ),
)
