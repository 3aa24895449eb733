"""A copy of the file as it is at one instant, also while it is served: a reader keeps no writer waiting."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.store.sqlite.database import PRAGMAS, migrations

PAGES = 4_096  # between two reports of progress


def back_up(path: Path, target: Path, told: Callable[[int, int], None]) -> None:
    """Write the store to the new file `target`, durable and checked on return.

    `told` hears how many pages are done, of how many. The file gets its name when it is whole. Raises ConfigError,
    StoreUnavailable.
    """
    if not path.is_file():
        raise ConfigError("OUTRIDER_STORE", "an SQLite store", "a file that is not there")
    if target.exists():
        raise ConfigError("PATH", "a file that is not there yet", "one that exists")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        _clear(unfinished)
        try:
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _write(path, unfinished, told)
            _check(unfinished)
            _sync(unfinished)
            unfinished.rename(target)
            _sync(target.parent)
        finally:
            _clear(unfinished)
    except OSError as error:
        raise ConfigError("PATH", "a place to write a file", error.strerror or "an error") from error
    except apsw.Error as error:
        raise StoreUnavailable(f"SQLite cannot make the backup: {type(error).__name__}") from error


def _write(path: Path, target: Path, told: Callable[[int, int], None]) -> None:
    source = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    backup = apsw.Connection(str(target))
    try:
        source.set_busy_timeout(5000)
        # One snapshot from the first page to the last, or every commit meanwhile would begin the backup anew.
        source.execute("BEGIN")
        version: Any = source.execute(PRAGMAS["version"]).get
        if not 1 <= version <= len(migrations()):
            raise ConfigError(
                "OUTRIDER_STORE", f"a store of version 1 to {len(migrations())}", f"version {version}"
            )
        with backup.backup("main", source, "main") as steps:
            while not steps.done:
                steps.step(PAGES)
                told(steps.page_count - steps.remaining, steps.page_count)
    finally:
        backup.close()
        source.close()


def _check(file: Path) -> None:
    connection = apsw.Connection(str(file))
    try:
        found: Any = connection.execute(PRAGMAS["check"]).get
    finally:
        connection.close()
    if found != "ok":
        raise StoreUnavailable("the backup is damaged; check the store's disk")


def _clear(file: Path) -> None:
    """What is left of a backup that did not end well, its journal too: SQLite would play that back."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
