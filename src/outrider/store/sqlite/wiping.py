"""Making the file forget secrets that lay in clear: its free places still hold what was there before.

SQLite frees a place without clearing it, so the file is written anew: first beside it (`VACUUM INTO`), then back
into it as one transaction. No other directory is used, and a crash at any moment leaves a whole store.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import apsw

from outrider.store.queries import load

SQL = load("outrider.store.sqlite", "book.sql")
PRAGMAS = load("outrider.store.sqlite", "pragmas.sql")
PAGES = 4_096  # at once

log = logging.getLogger("outrider.store")


def wipe(connection: apsw.Connection) -> None:
    """Write the file anew if it owes it; a failure is logged, and the next start tries again.

    Needs twice the file's size of free disk. `connection` is the one that writes, in no transaction.
    """
    if connection.execute(SQL["owes_wiping"]).get is None:
        return
    log.warning("secrets lay in clear in the store: its file is written anew, once, before it is served")
    fresh = Path(f"{connection.filename}.wiping")
    try:
        _clear(fresh)
        _write(connection, fresh)
    except (OSError, apsw.Error) as error:
        told = (
            "the store's file cannot be written anew, so secrets that lay in clear may still be read from it: %s. "
        )
        log.error(f"{told}It needs twice its size of free disk; the next start tries again", type(error).__name__)
    finally:
        _clear(fresh)


def _write(connection: apsw.Connection, fresh: Path) -> None:
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute(PRAGMAS["write_anew"], (str(fresh),))
    source = apsw.Connection(str(fresh))
    try:
        with connection.backup("main", source, "main") as steps:
            while not steps.done:
                steps.step(PAGES)
    finally:
        source.close()
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)  # the log holds old pages too
    connection.execute(SQL["wiped"])


def _clear(fresh: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        fresh.with_name(f"{fresh.name}{suffix}").unlink(missing_ok=True)
