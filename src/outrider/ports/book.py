"""The book: a tenant's configuration. Used by `app/`.

Every change raises the tenant's version by one and is made against a version: whoever looked at an older picture
changes nothing. So a rule checked on the picture holds when the change commits, whichever process made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from outrider.domain.model import Acceptance, ApiKey, Secret, Tenant, TenantBook, Webhook


class StaleBook(Exception):
    """The tenant's configuration is at another version; nothing was stored."""


class KeyTaken(Exception):
    """Another tenant has this API key; nothing was stored."""


class Unsealed(msgspec.Struct, frozen=True):
    """A webhook that is stored in clear, or with `version` one of its past versions."""

    tenant: str
    webhook: str
    version: int | None
    document: bytes


class Sealing(msgspec.Struct, frozen=True):
    """A sealed document to take the place of one in clear; `secret` when that is to be wiped (`ports/store.py`)."""

    found: Unsealed
    document: bytes
    secret: bool


class Book(Protocol):
    """All writes but `add_tenant`, `seal` and those of data keys raise StaleBook unless the tenant is at
    `version`."""

    async def tenants(self) -> list[TenantBook]:
        """All tenants with their whole configuration, deleted webhooks left out."""
        ...

    async def tenant(self, tenant: str) -> TenantBook | None: ...

    async def add_tenant(self, tenant: Tenant) -> None:
        """Raises KeyTaken."""
        ...

    async def add_first_tenant(self, tenant: Tenant) -> bool:
        """Add it unless there is a tenant already; whether it was added."""
        ...

    async def save_tenant(self, tenant: Tenant, version: int) -> None:
        """Replace the tenant's own settings; its API key stays."""
        ...

    async def save_webhook(self, webhook: Webhook, version: int) -> None:
        """Insert or replace by id."""
        ...

    async def takes_sealed(self) -> bool:
        """Whether webhooks may be saved sealed; not while a process may live whose version reads no such ones."""
        ...

    async def unsealed(self, most: int) -> list[Unsealed]:
        """Some of the webhooks and past versions that are not sealed; empty when all are."""
        ...

    async def seal(self, rows: Sequence[Sealing]) -> None:
        """Unless one changed meanwhile. It says the same as before, so the tenant's version stays."""
        ...

    async def delete_webhook(self, tenant: str, webhook: str, now: int, version: int) -> None:
        """Mark deleted: no claims any more; its backlog is cancelled by housekeeping."""
        ...

    async def save_secret(self, secret: Secret, version: int, news: Acceptance | None = None) -> None:
        """Insert or replace by id, with our own events about it in the same commit."""
        ...

    async def delete_secret(self, tenant: str, secret: str, version: int) -> None: ...

    async def save_key(self, key: ApiKey, version: int) -> None: ...

    async def delete_key(self, tenant: str, key: str, version: int) -> None: ...

    async def data_keys(self) -> dict[int, str]:
        """The vault's data keys, each wrapped by the root key, by number."""
        ...

    async def add_data_key(self, number: int, wrapped: str) -> None:
        """Keeps the key there is, when there is one of this number."""
        ...
