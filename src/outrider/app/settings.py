"""A tenant's settings: limits that LoginRadius has fixed, here the tenant's own choice."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from outrider.app import fields
from outrider.app.books import Books
from outrider.domain.errors import InvalidField
from outrider.domain.limits import MOST_CALLS, MOST_WEBHOOKS
from outrider.domain.model import TenantBook, TenantSettings
from outrider.ports.book import Book

DEFAULTS = TenantSettings()


class SettingsInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request names of the settings. Absent fields keep their value, null ones take the default."""

    WebhooksPerEvent: fields.WebhooksPerEvent | UnsetType | None = UNSET
    UniqueTargetUrl: fields.UniqueTargetUrl | UnsetType | None = UNSET
    LoginRadiusNames: fields.LoginRadiusNames | UnsetType | None = UNSET
    CallsPerSecond: fields.CallsPerSecond | UnsetType | None = UNSET


class Settings:
    def __init__(self, *, book: Book, books: Books) -> None:
        self._book = book
        self._books = books

    def of(self, tenant: str) -> TenantSettings:
        return self._books.of(tenant).tenant.settings

    async def change(self, tenant: str, given: SettingsInput) -> TenantSettings:
        """Change what `given` names. Webhooks that break a new limit stay as they are."""

        async def make(book: TenantBook) -> TenantSettings:
            settings = _applied(book.tenant.settings, given)
            await self._book.save_tenant(msgspec.structs.replace(book.tenant, settings=settings), book.version)
            return settings

        return await self._books.change(tenant, make)


def _applied(settings: TenantSettings, given: SettingsInput) -> TenantSettings:
    named = {
        "webhooks_per_event": given.WebhooksPerEvent,
        "unique_target_url": given.UniqueTargetUrl,
        "loginradius_names": given.LoginRadiusNames,
        "calls_per_second": given.CallsPerSecond,
    }
    changes = {
        field: getattr(DEFAULTS, field) if value is None else value
        for field, value in named.items()
        if value is not UNSET
    }
    after = msgspec.structs.replace(settings, **changes)
    if not 1 <= after.webhooks_per_event <= MOST_WEBHOOKS:
        raise InvalidField("WebhooksPerEvent", f"1 to {MOST_WEBHOOKS}", f"{after.webhooks_per_event}")
    if after.calls_per_second is not None and not 1 <= after.calls_per_second <= MOST_CALLS:
        raise InvalidField(
            "CallsPerSecond", f"1 to {MOST_CALLS:.0f}, or null for no limit", f"{after.calls_per_second:g}"
        )
    return after
