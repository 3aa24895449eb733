"""A second tenant, written straight into a store that nobody serves: the API makes only the first one so far."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
import uuid
from pathlib import Path

from outrider.domain.model import Tenant
from outrider.observe.clock import SystemClock
from outrider.ports.system import About
from outrider.store.sqlite.database import open_database
from outrider.vault.keyring import open_keyring
from outrider.vault.root import root_key


def add_tenant(store: Path, key_file: Path) -> dict[str, str]:
    """The headers that speak for the new tenant; `key_file` holds the root key of the store."""
    return asyncio.run(_add(store, key_file))


async def _add(store: Path, key_file: Path) -> dict[str, str]:
    about = About(socket.gethostname(), os.getpid(), "bench", (), 0)
    database = await open_database(str(store), uuid.uuid4().hex, clock=SystemClock(), about=about)
    try:
        vault = await open_keyring(root_key(None, key_file), database.book, key_file)
        identity, key, secret = str(uuid.uuid4()), secrets.token_hex(8), secrets.token_hex(16)
        sealed = vault.seal(secret, f"tenant/{identity}/api-secret")
        await database.book.add_tenant(Tenant(identity, "other", key, sealed, int(time.time() * 1000)))
    finally:
        await database.close()
    return {"x-loginradius-apikey": key, "x-loginradius-apisecret": secret}
