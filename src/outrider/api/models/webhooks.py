"""Webhooks, as LoginRadius shows subscriptions, with our fields after theirs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from outrider.api.models.common import Date
from outrider.api.models.history import Attempt
from outrider.app import fields
from outrider.app.fields import described
from outrider.domain.breaker import Circuit
from outrider.domain.model import AuthType, Ordering
from outrider.domain.redaction import MASK


class ShownBasicAuth(msgspec.Struct, frozen=True):
    """RFC 7617."""

    Username: str
    Password: Annotated[str, described("Always empty; sending it back empty keeps the password.")]


class ShownBearerToken(msgspec.Struct, frozen=True):
    """RFC 6750."""

    Token: Annotated[str, described("Always empty; sending it back empty keeps the token.")]


class WebhookAuthentication(msgspec.Struct, frozen=True):
    """How requests authenticate to the receiver."""

    AuthType: AuthType
    BasicAuth: ShownBasicAuth | None
    BearerToken: ShownBearerToken | None


class WebhookCircuit(msgspec.Struct, frozen=True):
    """What is known of the receiver. While the circuit is not closed, deliveries wait and spend no attempt."""

    State: Circuit
    FailingSince: Annotated[Date | None, described("The first attempt without 2xx since the last one with.")]
    OpenedDate: Date | None
    ProbeDate: Annotated[Date | None, described("When one attempt may go although the circuit is open.")]


class Webhook(msgspec.Struct, frozen=True):
    """A subscription. Null options take Outrider's defaults."""

    Id: fields.WebhookId
    TargetUrl: str
    Event: Annotated[str, described("The first of Events.", examples=["Login"])]
    CreatedDate: Date
    LastModifiedDate: Date
    SecretName: Annotated[str, described("The secret that signs; empty for the tenant's API secret.")]
    Name: str
    IsIntegrationWebhook: Annotated[bool, described("Always false; LoginRadius marks its connectors with it.")]
    Headers: Annotated[
        dict[str, str] | None,
        described(
            f"Headers added to every request; secret values are {MASK}, which sent back keep what is stored."
        ),
    ]
    QueryParams: Annotated[
        dict[str, str] | None,
        described(f"Query parameters added to every request; secret values are {MASK} in the same way."),
    ]
    Authentication: WebhookAuthentication | None
    Events: list[fields.CanonicalName]
    Enabled: Annotated[bool, described("False keeps what it is owed.")]
    DisabledReason: Annotated[str | None, described("Why it is not enabled.")]
    Timeout: fields.Timeout | None
    RetrySchedule: Annotated[
        str | list[float], described("A schedule by name, or the waits between attempts in seconds.")
    ]
    MaxConcurrency: fields.MaxConcurrency | None
    RateLimit: fields.RateLimit | None
    Ordering: Ordering
    Filter: Annotated[msgspec.Raw | None, described("The filter as it was given.", type=["object", "null"])]
    PlainHeaders: fields.PlainHeaders
    PlainQueryParams: fields.PlainParams
    Circuit: WebhookCircuit


class WebhookList(msgspec.Struct, frozen=True):
    """Every webhook of the tenant, oldest first."""

    Data: list[Webhook]


class EventNameList(msgspec.Struct, frozen=True):
    """Every name a webhook may subscribe to."""

    Data: list[fields.CanonicalName]


class TestResult(msgspec.Struct, frozen=True):
    """What came of a test send."""

    Delivered: bool
    Reason: Annotated[str, described("As the ledger would say it.", examples=["status 200"])]
    Attempt: Attempt
