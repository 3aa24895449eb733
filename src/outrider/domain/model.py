"""The nouns. Frozen; instants are milliseconds since the epoch, UTC (`domain/clock.py`)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from outrider.domain.custom_object import ObjectChange


class AuthType(StrEnum):
    BASIC = "Basic"
    BEARER = "Bearer"


class Authentication(msgspec.Struct, frozen=True):
    """How the receiver authenticates us. `sealed` holds the password or token as the vault sealed it."""

    kind: AuthType
    username: str
    sealed: str


class Ordering(StrEnum):
    """Which deliveries of a webhook wait for the one before them to end."""

    NONE = "none"
    SUBJECT = "subject"  # those about the same subject
    STRICT = "strict"  # all


class Webhook(msgspec.Struct, frozen=True):
    """A subscription of one tenant. `events` are canonical names; `secret` is "" for the API secret.

    Options are None where Outrider's default holds: `timeout` and the waits of `schedule` in milliseconds,
    `rate_limit` in attempts per second, `max_concurrency` in attempts at a time. `filter` is JSON
    (`domain/filters.py`). `enabled` is the instant it was last enabled. `plain_headers` and `plain_params` are
    names whose values may be shown (`domain/exposure.py`).

    At rest `target_url`, `headers` and `query_params` are empty, and `sealed` holds them (`app/sealing.py`).
    """

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
    enabled: int = 0
    timeout: int | None = None
    schedule: tuple[int, ...] | None = None
    max_concurrency: int | None = None
    rate_limit: float | None = None
    ordering: Ordering = Ordering.NONE
    filter: str | None = None
    plain_headers: tuple[str, ...] = ()
    plain_params: tuple[str, ...] = ()
    sealed: bytes | None = None

    def __repr__(self) -> str:
        return f"Webhook(id={self.id!r})"  # it holds secrets, and reprs end in logs


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


class TenantSettings(msgspec.Struct, frozen=True):
    """What a tenant asks of its webhooks and callers; `calls_per_second` is None for no limit.

    LoginRadius' own limits are 5, True, True and 50.
    """

    webhooks_per_event: int = 1_000
    unique_target_url: bool = False  # per event
    loginradius_names: bool = False
    calls_per_second: float | None = None  # to the management API


class Tenant(msgspec.Struct, frozen=True):
    """One customer application. `api_secret` is sealed, because it signs for webhooks without a secret."""

    id: str
    name: str
    api_key: str
    api_secret: str
    created: int
    settings: TenantSettings = TenantSettings()


class TenantBook(msgspec.Struct, frozen=True):
    """A tenant's whole configuration at one version; the version rises with every change."""

    tenant: Tenant
    version: int
    webhooks: dict[str, Webhook]
    secrets: dict[str, Secret]  # by lower-cased name
    keys: dict[str, ApiKey]  # by id
    by_event: dict[str, tuple[Webhook, ...]] = {}  # derived: the webhooks subscribed to an event type
    filtered: frozenset[str] = frozenset()  # derived: the event types that some webhook filters

    def __post_init__(self) -> None:
        found: dict[str, list[Webhook]] = {}
        filtered: set[str] = set()
        for webhook in self.webhooks.values():
            for name in webhook.events:
                found.setdefault(name, []).append(webhook)
            if webhook.filter is not None:
                filtered.update(webhook.events)
        by_event = {name: tuple(webhooks) for name, webhooks in found.items()}
        msgspec.structs.force_setattr(self, "by_event", by_event)
        msgspec.structs.force_setattr(self, "filtered", frozenset(filtered))


class Event(msgspec.Struct, frozen=True, gc=False):
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


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One event owed to one webhook.

    Deliveries of a webhook with the same `order_key` are sent one after the other, in the order of their ids; None
    waits for nobody. `origin` names the resend or job that made it; None for the event itself. `body` is None when
    the store no longer has it, which is a fault of the store's.
    """

    id: str
    tenant: str
    webhook: str
    event: str
    event_type: str
    subject: str | None
    body: bytes | None
    attempts: int
    created: int
    order_key: str | None = None
    origin: str | None = None


class SkipReason(StrEnum):
    """Why an accepted event was not sent."""

    ABSORBED = "absorbed"  # its organization was deleted in the same operation
    BULK = "bulk"  # Partner IAM event of a bulk operation
    PREVENTED = "prevented"  # the producer said so: X-PreventWebhook or prevent_webhook


class Skip(msgspec.Struct, frozen=True, gc=False):
    """A ledger line in the making: this event goes to no webhook, for this reason."""

    event: str
    reason: SkipReason
    detail: str


class Acceptance(msgspec.Struct, frozen=True, gc=False):
    """What one request commits at once. `leased` names the deliveries born leased to this process; `objects` are
    the changes of custom objects that its events tell of."""

    tenant: str
    book_version: int
    events: tuple[Event, ...]
    deliveries: tuple[Delivery, ...]
    skips: tuple[Skip, ...]
    leased: frozenset[str] = frozenset()
    objects: tuple[ObjectChange, ...] = ()
