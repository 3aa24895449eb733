"""Migrations: numbered files, each in a transaction with its number, one process at a time.

A file named `NNNN_….sql` is applied by whichever process starts first with it, while processes of the version
before still run: it only adds. One named `NNNN_….after.sql` takes something away that the version before needs, so
it is applied when every live process is of a version that knows it. That makes an upgrade of one process after the
other safe.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from outrider.domain.errors import ConfigError
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.faults import SETTING
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


async def migrate(
    connections: Connections, known: list[Migration], join: Callable[[Any], Awaitable[None]] | None = None
) -> int:
    """Apply what is missing and need not wait; returns how many. `join` is called in the same transaction, with the
    connection.

    Raises ConfigError when the store is newer than this process.
    """

    async def work(connection: Any) -> int:
        applied = await _applied(connection)
        newest = max(applied, default=0)
        if newest > len(known):
            raise ConfigError(SETTING, f"a store of version {len(known)} or older", f"version {newest}")
        # On an empty store there is nobody to wait for.
        done = await _apply(connection, [m for m in known if m.number not in applied and not (m.after and applied)])
        if join is not None:
            await join(connection)
        return done

    return await connections.in_transaction(work, limit_s=MIGRATING_S)


async def finish(connections: Connections, known: list[Migration]) -> int:
    """Apply what had to wait, as far as every live process knows it by now; returns how many."""
    if not any(m.after for m in known):
        return 0

    async def work(connection: Any) -> int:
        applied = await _applied(connection)
        by_all = await connection.fetchval(SQL["known_by_all"], len(known))
        return await _apply(connection, [m for m in known if m.number not in applied and m.number <= by_all])

    return await connections.in_transaction(work, limit_s=MIGRATING_S)


async def _applied(connection: Any) -> set[int]:
    """The numbers of what is applied; nobody else migrates until the transaction ends."""
    await connection.execute(SQL["patience"])
    await connection.execute(SQL["lock"])
    await connection.execute(SQL["haste"])
    await connection.execute(SQL["make_table"])
    return {row[0] for row in await connection.fetch(SQL["applied"])}


async def _apply(connection: Any, missing: list[Migration]) -> int:
    for migration in missing:
        await connection.execute(migration.script)
        await connection.execute(SQL["note"], migration.number, migration.after)
    return len(missing)
