"""Migrations: numbered files, each in a transaction with its number, one process at a time.

A file named `NNNN_….sql` is applied by whichever process starts first with it, while processes of the version
before still run: it only adds. One named `NNNN_….after.sql` takes something away that the version before needs, so
it is applied when every live process is of a version that knows it. That makes an upgrade of one process after the
other safe.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from outrider.domain.errors import ConfigError
from outrider.store.postgres.connections import SETTING, Connections
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "migrate.sql")
MIGRATING_S = 300.0


class Migration(msgspec.Struct, frozen=True):
    number: int
    after: bool
    script: str


def migrations(folder: Traversable | None = None) -> list[Migration]:
    """In order; numbers are without gaps."""
    folder = folder or files("outrider.store.postgres").joinpath("migrations")
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [
        Migration(number, file.name.endswith(".after.sql"), file.read_text(encoding="utf-8"))
        for number, file in enumerate(found, start=1)
    ]


async def migrate(connections: Connections, known: list[Migration], *, after: bool = False) -> int:
    """Apply what is missing; returns how many. With `after`, also those that have to wait, if they may now.

    Raises ConfigError when the store is newer than this process.
    """

    async def work(connection: Any) -> int:
        await connection.execute(SQL["lock"])
        await connection.execute(SQL["make_table"])
        applied = {row[0] for row in await connection.fetch(SQL["applied"])}
        if applied and max(applied) > len(known):
            raise ConfigError(SETTING, f"a store of version {len(known)} or older", f"version {max(applied)}")
        missing = [m for m in known if m.number not in applied]
        if not after or not await connection.fetchval(SQL["all_know"], len(known)):
            missing = [m for m in missing if not m.after]
        for migration in missing:
            await connection.execute(migration.script)
            await connection.execute(SQL["note"], migration.number)
        return len(missing)

    return await connections.in_transaction(work, limit_s=MIGRATING_S)
