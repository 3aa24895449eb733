"""The book: a tenant's configuration. Used by `app/`. Every change raises the tenant's version by one."""

from __future__ import annotations

from typing import Protocol

from outrider.domain.model import Acceptance, ApiKey, Secret, Tenant, TenantBook, Webhook


class NameTaken(Exception):
    """Another row of the tenant has this name (case-insensitive); nothing was stored."""


class InUse(Exception):
    """The secret is named by a webhook; nothing was deleted. `args[0]` is the webhook's name."""


class Book(Protocol):
    async def tenants(self) -> list[TenantBook]:
        """All tenants with their whole configuration, deleted webhooks left out."""
        ...

    async def tenant(self, tenant: str) -> TenantBook | None: ...

    async def add_tenant(self, tenant: Tenant) -> None:
        """Raises NameTaken when the API key belongs to another tenant."""
        ...

    async def save_webhook(self, webhook: Webhook) -> None:
        """Insert or replace by id. Raises NameTaken."""
        ...

    async def delete_webhook(self, tenant: str, webhook: str, now: int) -> None:
        """Mark deleted: no claims any more; its backlog is cancelled by housekeeping."""
        ...

    async def save_secret(self, secret: Secret, news: Acceptance | None = None) -> None:
        """Insert or replace by id, with our own events about it in the same commit. Raises NameTaken."""
        ...

    async def delete_secret(self, tenant: str, secret: str) -> None:
        """By id. Raises InUse when a live webhook names it, checked in the same commit."""
        ...

    async def save_key(self, key: ApiKey) -> None: ...

    async def delete_key(self, tenant: str, key: str) -> None: ...

    async def data_keys(self) -> dict[int, str]:
        """The vault's data keys, each wrapped by the root key, by number."""
        ...

    async def add_data_key(self, number: int, wrapped: str) -> None: ...
