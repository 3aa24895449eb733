"""The picture of every tenant's configuration that intake and dispatch read without a query.

Intake commits against the version it looked at, so a stale picture is noticed and read again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from outrider.app.sealing import opened
from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import ApiKey, TenantBook, Webhook
from outrider.ports.book import Book, StaleBook
from outrider.ports.vault import Vault

T = TypeVar("T")
LOOKS = 10  # how often a configuration may change under one request before we call it our fault


class Owned(msgspec.Struct, frozen=True):
    """A bearer key, whose it is, and its scopes as a set."""

    tenant: str
    key: ApiKey
    scopes: frozenset[Any]


class Books:
    def __init__(self, book: Book, vault: Vault) -> None:
        self._book = book
        self._vault = vault
        self._tenants: dict[str, TenantBook] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._by_api_key: dict[str, str] = {}
        self._by_digest: dict[str, Owned] = {}

    async def load(self) -> None:
        """Read every tenant; call once at start."""
        for book in await self._book.tenants():
            self._put(book)

    async def refresh(self, tenant: str) -> TenantBook:
        """Read one tenant again, after a change."""
        book = await self._book.tenant(tenant)
        if book is None:
            raise LookupError(tenant)
        self._put(book)
        return book

    async def current(self, tenant: str, act: Callable[[TenantBook], Awaitable[T]]) -> T:
        """What `act` returns, given the tenant's configuration; called again with a newer one on StaleBook."""
        for _ in range(LOOKS):
            try:
                return await act(self.of(tenant))
            except StaleBook:
                await self.refresh(tenant)
        raise StoreUnavailable("the tenant's configuration kept changing during the request")

    async def change(self, tenant: str, make: Callable[[TenantBook], Awaitable[T]]) -> T:
        """The same for a change of the configuration, which is seen here from then on.

        The changes of this process take turns: together they would make each other's picture stale.
        """
        async with self._turns[tenant]:
            made = await self.current(tenant, make)
            await self.refresh(tenant)
            return made

    def version(self, tenant: str) -> int | None:
        """Of the picture here; None for a tenant not known yet."""
        book = self._tenants.get(tenant)
        return book.version if book else None

    def of(self, tenant: str) -> TenantBook:
        """The tenant's book; the tenant exists, because somebody authenticated as it."""
        return self._tenants[tenant]

    def webhook(self, tenant: str, webhook: str) -> Webhook | None:
        book = self._tenants.get(tenant)
        return book.webhooks.get(webhook) if book else None

    def by_api_key(self, api_key: str) -> TenantBook | None:
        tenant = self._by_api_key.get(api_key)
        return self._tenants[tenant] if tenant else None

    def by_bearer(self, token: str) -> Owned | None:
        return self._by_digest.get(hashlib.sha256(token.encode()).hexdigest())

    def empty(self) -> bool:
        return not self._tenants

    def _put(self, book: TenantBook) -> None:
        tenant = book.tenant.id
        before = self._tenants.get(tenant)
        if before is not None:
            if before.version > book.version:
                return  # a slower reader came back with an older picture
            self._by_api_key.pop(before.tenant.api_key, None)
            for key in before.keys.values():
                self._by_digest.pop(key.digest, None)
        self._tenants[tenant] = self._opened(book, before.webhooks if before else {})
        self._by_api_key[book.tenant.api_key] = tenant
        for key in book.keys.values():
            self._by_digest[key.digest] = Owned(tenant, key, frozenset(key.scopes))

    def _opened(self, book: TenantBook, before: Mapping[str, Webhook]) -> TenantBook:
        webhooks = {w.id: opened(w, self._vault, before.get(w.id)) for w in book.webhooks.values()}
        return msgspec.structs.replace(book, webhooks=webhooks)
