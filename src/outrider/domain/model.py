"""The nouns. Frozen; instants are milliseconds since the epoch, UTC (`domain/clock.py`)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AuthType(StrEnum):
    BASIC = "Basic"
    BEARER = "Bearer"


class Authentication(msgspec.Struct, frozen=True):
    """How the receiver authenticates us. `sealed` holds the password or token as the vault sealed it."""

    kind: AuthType
    username: str
    sealed: str


class Webhook(msgspec.Struct, frozen=True):
    """A subscription of one tenant. `events` are canonical names; `secret` is "" for the API secret."""

    id: str
    tenant: str
    name: str
    events: tuple[str, ...]
    target_url: str
    secret: str
    authentication: Authentication | None
    headers: dict[str, str] | None
    query_params: dict[str, str] | None
    created: int
    modified: int
    disabled_reason: str | None = None


class SecretVersion(msgspec.Struct, frozen=True):
    """One value of a named secret. `valid_until` is None for the current one."""

    number: int
    sealed: str
    created: int
    valid_until: int | None = None


class Secret(msgspec.Struct, frozen=True):
    """A named signing secret; versions newest first, the first one is current."""

    id: str
    tenant: str
    name: str
    versions: tuple[SecretVersion, ...]
    created: int


class ApiKey(msgspec.Struct, frozen=True):
    """A scoped bearer key; only its SHA-256 is stored."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    digest: str
    created: int
    expires: int | None = None


class Tenant(msgspec.Struct, frozen=True):
    """One customer application. `api_secret` is sealed, because it signs for webhooks without a secret."""

    id: str
    name: str
    api_key: str
    api_secret: str
    created: int


class TenantBook(msgspec.Struct, frozen=True):
    """A tenant's whole configuration at one version; the version rises with every change."""

    tenant: Tenant
    version: int
    webhooks: dict[str, Webhook]
    secrets: dict[str, Secret]  # by lower-cased name
    keys: dict[str, ApiKey]  # by id


class Event(msgspec.Struct, frozen=True):
    """One thing that happened. `body` is the envelope exactly as every receiver gets it."""

    id: str
    tenant: str
    type: str
    subject: str | None
    operation: str | None
    time: int
    accepted: int
    body: bytes
    fingerprint: bytes  # keyed digest of what the producer sent, to tell a repeat from a different event


class Delivery(msgspec.Struct, frozen=True):
    """One event owed to one webhook."""

    id: str
    tenant: str
    webhook: str
    event: str
    event_type: str
    subject: str | None
    body: bytes
    attempts: int
    created: int


class SkipReason(StrEnum):
    """Why an accepted event was not sent."""

    ABSORBED = "absorbed"  # its organization was deleted in the same operation
    BULK = "bulk"  # Partner IAM event of a bulk operation
    PREVENTED = "prevented"  # the producer said so: X-PreventWebhook or prevent_webhook


class Skip(msgspec.Struct, frozen=True):
    """A ledger line in the making: this event goes to no webhook, for this reason."""

    event: str
    reason: SkipReason
    detail: str


class Acceptance(msgspec.Struct, frozen=True):
    """What one request commits at once. `leased` names the deliveries born leased to this process."""

    tenant: str
    book_version: int
    events: tuple[Event, ...]
    deliveries: tuple[Delivery, ...]
    skips: tuple[Skip, ...]
    leased: frozenset[str] = frozenset()
