"""A second tenant, written straight into a store that nobody serves: the API makes only the first one so far."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from pathlib import Path

from outrider.domain.model import Tenant
from outrider.store.sqlite.database import open_database
from outrider.vault.keyring import open_keyring
from outrider.vault.root import root_key


def add_tenant(store: Path) -> dict[str, str]:
    """The headers that speak for the new tenant."""
    return asyncio.run(_add(store))


async def _add(store: Path) -> dict[str, str]:
    database = await open_database(str(store), uuid.uuid4().hex)
    try:
        vault = await open_keyring(root_key(None, store.with_suffix(".rootkey")), database.book)
        identity, key, secret = str(uuid.uuid4()), secrets.token_hex(8), secrets.token_hex(16)
        sealed = vault.seal(secret, f"tenant/{identity}/api-secret")
        await database.book.add_tenant(Tenant(identity, "other", key, sealed, int(time.time() * 1000)))
    finally:
        await database.close()
    return {"x-loginradius-apikey": key, "x-loginradius-apisecret": secret}
