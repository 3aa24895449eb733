"""Changes of a tenant's configuration, inside somebody's transaction: each raises the tenant's version."""

from __future__ import annotations

from typing import Any

import msgspec

from outrider.domain.model import Webhook
from outrider.ports.book import StaleBook
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "book.sql")


async def raise_version(connection: Any, tenant: str, at: int | None = None) -> int:
    """The new version; the tenant stays locked. Raises StaleBook when it is not `at` this one."""
    version: int | None = await connection.fetchval(SQL["raise_version"], tenant, at)
    if version is None:
        raise StaleBook
    return version


async def save_webhook(connection: Any, webhook: Webhook, at: int | None = None) -> None:
    """Insert or replace, and keep the webhook as it is from this version on. Raises StaleBook."""
    version = await raise_version(connection, webhook.tenant, at)
    document = msgspec.msgpack.encode(webhook)
    active, sealed = webhook.disabled_reason is None, webhook.sealed is not None
    row = (webhook.tenant, webhook.id, webhook.name, active, document, sealed)
    await connection.execute(SQL["save_webhook"], *row)
    await connection.execute(SQL["keep_webhook"], webhook.tenant, webhook.id, version, document, sealed)
