"""Payloads of the System family, made by `domain/news.py`."""

from __future__ import annotations

import msgspec


class DisabledWebhook(msgspec.Struct, frozen=True):
    """A webhook Outrider disabled. `TargetUrl` comes without its query."""

    WebhookId: str
    Name: str
    TargetUrl: str
    Reason: str
    DisabledDate: str


class ExhaustedDelivery(msgspec.Struct, frozen=True):
    """A delivery that ended without arriving."""

    DeliveryId: str
    EventId: str
    Event: str
    WebhookId: str
    WebhookName: str
    Attempts: int
    LastStatus: int | None
    LastError: str | None
    ExhaustedDate: str


class QuarantinedDelivery(msgspec.Struct, frozen=True):
    """A delivery that Outrider failed to send through faults of its own. It waits until it is sent again by
    hand."""

    DeliveryId: str
    EventId: str
    Event: str
    WebhookId: str
    WebhookName: str
    Attempts: int
    Reason: str
    QuarantinedDate: str


class RotatedSecret(msgspec.Struct, frozen=True):
    """A secret's new version; the one before signs along until `PreviousValidUntil`."""

    SecretName: str
    Version: int
    PreviousValidUntil: str
    RotatedDate: str
