"""Managing webhooks: every option is honoured or refused here, when it is set."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from outrider import catalog
from outrider.app import additions, fields, options
from outrider.app.books import Books
from outrider.app.names import check_count
from outrider.app.sealing import sealed
from outrider.domain import limits
from outrider.domain.address import AddressPolicy
from outrider.domain.breaker import Health
from outrider.domain.errors import InvalidField, NotFound
from outrider.domain.ids import is_object_id, object_id
from outrider.domain.model import Authentication, AuthType, TenantBook, TenantSettings, Webhook
from outrider.domain.target import check_request_url, check_target_url
from outrider.ports.book import Book
from outrider.ports.clock import Clock, Entropy
from outrider.ports.handover import Handover
from outrider.ports.ledger import Ledger
from outrider.ports.vault import Vault

NOT_FOUND = 7986
EVENT_INVALID = 1086
URL_INVALID = 1087
DISABLED_BY_HAND = "disabled by its owner"
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_CREDENTIAL = re.compile(rf"[\x20-\x7e]{{1,{fields.LONGEST_CREDENTIAL}}}")
_USERNAME = re.compile(rf"[\x20-\x39\x3b-\x7e]{{1,{fields.LONGEST_USERNAME}}}")
_PASSWORD, _TOKEN = "Authentication.BasicAuth.Password", "Authentication.BearerToken.Token"


class BasicAuthInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    Username: fields.Username | None = None
    Password: fields.Credential | None = None


class BearerTokenInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    Token: fields.Credential | None = None


class AuthenticationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """LoginRadius' shape. An AuthType of null or "None" means no authentication."""

    AuthType: fields.AuthTypeName | None = None
    BasicAuth: BasicAuthInput | None = None
    BearerToken: BearerTokenInput | None = None


class WebhookInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request names of a webhook. Absent fields keep their value, or their default at creation.

    The fields at the end are ours to set; they are taken and not applied, so that a webhook as it was read
    can be sent back.
    """

    Name: fields.WebhookName | UnsetType | None = UNSET
    Event: fields.NamedEventType | UnsetType | None = UNSET
    Events: fields.EventTypes | UnsetType | None = UNSET
    TargetUrl: fields.TargetUrl | UnsetType | None = UNSET
    SecretName: fields.SecretReference | UnsetType | None = UNSET
    Authentication: AuthenticationInput | UnsetType | None = UNSET
    Headers: fields.AddedHeaders | UnsetType | None = UNSET
    QueryParams: fields.AddedQuery | UnsetType | None = UNSET
    PlainHeaders: fields.PlainHeaders | UnsetType | None = UNSET
    PlainQueryParams: fields.PlainParams | UnsetType | None = UNSET
    Enabled: fields.Enabled | UnsetType | None = UNSET
    Timeout: fields.Timeout | UnsetType | None = UNSET
    RetrySchedule: fields.ScheduleName | fields.Waits | UnsetType | None = UNSET
    MaxConcurrency: fields.MaxConcurrency | UnsetType | None = UNSET
    RateLimit: fields.RateLimit | UnsetType | None = UNSET
    Ordering: fields.OrderingName | UnsetType | None = UNSET
    Filter: fields.EventFilter | UnsetType | None = UNSET
    Id: fields.ReadOnly = UNSET
    CreatedDate: fields.ReadOnly = UNSET
    LastModifiedDate: fields.ReadOnly = UNSET
    IsIntegrationWebhook: fields.ReadOnly = UNSET
    DisabledReason: fields.ReadOnly = UNSET
    Circuit: fields.ReadOnly = UNSET


class Webhooks:
    def __init__(
        self,
        *,
        book: Book,
        books: Books,
        ledger: Ledger,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        handover: Handover,
        egress: AddressPolicy,
    ) -> None:
        self._egress = egress
        self._ledger = ledger
        self._book = book
        self._books = books
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._handover = handover

    def all(self, tenant: str) -> list[Webhook]:
        """The tenant's webhooks, oldest first."""
        return sorted(self._books.of(tenant).webhooks.values(), key=lambda w: (w.created, w.id))

    def get(self, tenant: str, webhook: str) -> Webhook:
        return _found(self._books.of(tenant), webhook)

    def plain_headers(self, tenant: str, webhook: str) -> tuple[str, ...]:
        """Names of headers whose values may be shown; none of a webhook that is gone."""
        found = self._books.webhook(tenant, webhook)
        return found.plain_headers if found else ()

    async def healths(self, tenant: str) -> dict[str, Health]:
        """What is known of the receivers of the tenant's webhooks that are not simply well, by webhook id."""
        return await self._ledger.healths(tenant)

    async def create(self, tenant: str, given: WebhookInput, *, once: bool = False) -> Webhook:
        """A new webhook; TargetUrl and Event (or Events) are required.

        `once` is LoginRadius' older API: known by its event and URL, which no other may have, it needs no name.
        """
        now = self._clock.now()
        blank = Webhook(
            id=object_id(now, self._entropy.bytes(8)),
            tenant=tenant,
            name="",
            events=(),
            target_url="",
            secret="",
            authentication=None,
            headers=None,
            query_params=None,
            created=now,
            modified=now,
        )

        async def make(book: TenantBook) -> Webhook:
            webhook = msgspec.structs.replace(self._apply(blank, given, book), modified=now)
            if not webhook.events:
                raise InvalidField("Event", "the name of an event type", "nothing", code=EVENT_INVALID)
            return await self._save(webhook, None, book, _once(book.tenant.settings) if once else None)

        return await self._books.change(tenant, make)

    async def update(self, tenant: str, webhook: str, given: WebhookInput) -> Webhook:
        """Change what `given` names, keep the rest."""

        async def make(book: TenantBook) -> Webhook:
            before = _found(book, webhook)
            return await self._save(self._apply(before, given, book), before, book)

        after = await self._books.change(tenant, make)
        if not after.disabled_reason:
            self._handover.wake()
        return after

    async def delete(self, tenant: str, webhook: str) -> None:
        """No further attempts; what is still owed is cancelled in the ledger."""

        async def make(book: TenantBook) -> None:
            await self._book.delete_webhook(tenant, _found(book, webhook).id, self._clock.now(), book.version)

        await self._books.change(tenant, make)

    async def unsubscribe(self, tenant: str, webhook: str, event: str) -> None:
        """Take one event type from a webhook; without any other it is deleted."""

        async def make(book: TenantBook) -> None:
            before = _found(book, webhook)
            rest = tuple(name for name in before.events if name != event)
            if not rest:
                await self._book.delete_webhook(tenant, before.id, self._clock.now(), book.version)
            elif rest != before.events:
                modified = max(self._clock.now(), before.created)
                await self._save(msgspec.structs.replace(before, events=rest, modified=modified), before, book)

        await self._books.change(tenant, make)

    async def _save(
        self, webhook: Webhook, before: Webhook | None, book: TenantBook, settings: TenantSettings | None = None
    ) -> Webhook:
        """Commit it if the tenant's rules hold beside the other webhooks of the book, which fences the commit."""
        if not webhook.target_url:  # of an older one when what was sealed does not open any more
            raise InvalidField("TargetUrl", "an https URL", "nothing", code=URL_INVALID)
        limits.check(webhook, before, book, settings or book.tenant.settings)
        at_rest = sealed(webhook, self._vault) if await self._book.takes_sealed() else webhook
        await self._book.save_webhook(at_rest, book.version)
        return webhook

    def _apply(self, webhook: Webhook, given: WebhookInput, book: TenantBook) -> Webhook:
        changes: dict[str, object] = {"modified": max(self._clock.now(), webhook.created)}
        if given.Name is not UNSET:
            changes["name"] = _name(given.Name)
        if given.Event is not UNSET or given.Events is not UNSET:
            changes["events"] = _events(given.Event or None, given.Events or None)
        if given.TargetUrl is not UNSET:
            changes["target_url"] = check_target_url(given.TargetUrl or "", code=URL_INVALID, egress=self._egress)
        if given.SecretName is not UNSET:
            changes["secret"] = _secret_name(given.SecretName, book)
        if given.Authentication is not UNSET:
            changes["authentication"] = self._authentication(given.Authentication, webhook)
        if given.Enabled is not UNSET and given.Enabled is not None:
            changes |= _enabled(webhook, given.Enabled, self._clock.now())
        added, kept = additions.merged(webhook, given.Headers, given.QueryParams)
        after = msgspec.structs.replace(webhook, **changes, **added, **_options(given))
        additions.check_kept(webhook, after, kept)
        if "target_url" in changes or "query_params" in added:
            check_request_url(after.target_url, after.query_params)
        return after

    def _authentication(self, given: AuthenticationInput | None, webhook: Webhook) -> Authentication | None:
        """What to seal. An empty password or token keeps the stored one: that is how we show it."""
        if given is None:
            return None
        kind = (given.AuthType or "none").lower()
        before = webhook.authentication
        basic, bearer = _parts(given)
        if kind == "none":
            return None
        if kind == "basic":
            username = _username(basic.Username)
            keeps = before is not None and before.kind is AuthType.BASIC and before.username == username
            return self._sealed(AuthType.BASIC, username, basic.Password, before if keeps else None, webhook)
        if kind == "bearer":
            keeps = before is not None and before.kind is AuthType.BEARER
            return self._sealed(AuthType.BEARER, "", bearer.Token, before if keeps else None, webhook)
        raise InvalidField("Authentication.AuthType", "None, Basic or Bearer", kind[:40])

    def _sealed(
        self, kind: AuthType, username: str, credential: str | None, kept: Authentication | None, webhook: Webhook
    ) -> Authentication:
        if not credential and kept is not None:
            return kept
        if not credential:
            field = _PASSWORD if kind is AuthType.BASIC else _TOKEN
            raise InvalidField(field, f"1 to {fields.LONGEST_CREDENTIAL} visible ASCII characters", "nothing")
        return Authentication(kind, username, self._vault.seal(credential, f"webhook/{webhook.id}/credential"))


def _once(settings: TenantSettings) -> TenantSettings:
    return msgspec.structs.replace(settings, unique_target_url=True, loginradius_names=False)


def _found(book: TenantBook, webhook: str) -> Webhook:
    found = book.webhooks.get(webhook)
    if found is None:
        if not is_object_id(webhook):
            raise InvalidField("Id", "a webhook's id, 24 hexadecimal digits", webhook[:60])
        raise NotFound("WebHook configuration", webhook[:60], code=NOT_FOUND)
    return found


def _enabled(webhook: Webhook, wanted: bool, now: int) -> dict[str, object]:
    """Enabling starts the webhook's record anew; disabling keeps the reason there is."""
    if not wanted:
        return {"disabled_reason": webhook.disabled_reason or DISABLED_BY_HAND}
    return {"disabled_reason": None, "enabled": now} if webhook.disabled_reason else {}


def _options(given: WebhookInput) -> dict[str, Any]:
    """The options that `given` names, checked."""
    found: dict[str, Any] = {}
    if given.PlainHeaders is not UNSET:
        found["plain_headers"] = additions.plain_headers(given.PlainHeaders)
    if given.PlainQueryParams is not UNSET:
        found["plain_params"] = additions.plain_params(given.PlainQueryParams)
    if given.Timeout is not UNSET:
        found["timeout"] = options.timeout(given.Timeout)
    if given.RetrySchedule is not UNSET:
        found["schedule"] = options.schedule(given.RetrySchedule)
    if given.MaxConcurrency is not UNSET:
        found["max_concurrency"] = options.concurrency(given.MaxConcurrency)
    if given.RateLimit is not UNSET:
        found["rate_limit"] = options.rate(given.RateLimit)
    if given.Ordering is not UNSET:
        found["ordering"] = options.ordering(given.Ordering)
    if given.Filter is not UNSET:
        found["filter"] = options.event_filter(given.Filter)
    return found


def _name(given: str | None) -> str:
    """The name; "" stays possible, because LoginRadius' API does not require one."""
    name = (given or "").strip()
    if name and not _NAME.fullmatch(name):
        raise InvalidField("Name", "at most 128 characters, no control characters", "something else")
    return name


def _events(event: str | None, events: list[str] | None) -> tuple[str, ...]:
    """Canonical names, each once, in the order given."""
    check_count(events or (), "Events")
    given = [*([event] if event else []), *(events or [])]
    if not given:
        raise InvalidField("Event", "the name of an event type", "nothing", code=EVENT_INVALID)
    found: dict[str, None] = {}
    for name in given:
        kind = catalog.find(name)
        if kind is None:
            expected = "an event type of GET /v2/manage/webhooks/events"
            raise InvalidField("Event", expected, name[:60], code=EVENT_INVALID)
        found[kind.name] = None
    return tuple(found)


def _secret_name(given: str | None, book: TenantBook) -> str:
    """The stored spelling; "" (also null and "None", as LoginRadius' console has it) is the API secret."""
    if not given or given.lower() == "none":
        return ""
    secret = book.secrets.get(given.lower())
    if secret is None:
        raise InvalidField("SecretName", "the name of a secret of this tenant", given[:60])
    return secret.name


def _parts(given: AuthenticationInput) -> tuple[BasicAuthInput, BearerTokenInput]:
    """Both, checked also where the type asks for one of them or for neither."""
    basic, bearer = given.BasicAuth or BasicAuthInput(), given.BearerToken or BearerTokenInput()
    if basic.Username:
        _username(basic.Username)
    for field, credential in ((_PASSWORD, basic.Password), (_TOKEN, bearer.Token)):
        if credential and not _CREDENTIAL.fullmatch(credential):
            expected = f"at most {fields.LONGEST_CREDENTIAL} visible ASCII characters"
            raise InvalidField(field, expected, "something else")
    return basic, bearer


def _username(given: str | None) -> str:
    if not _USERNAME.fullmatch(given or ""):
        expected = f"1 to {fields.LONGEST_USERNAME} visible ASCII characters without a colon (RFC 7617)"
        raise InvalidField("Authentication.BasicAuth.Username", expected, "something else")
    return given or ""
