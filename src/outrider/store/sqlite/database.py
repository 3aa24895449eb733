"""Opening and closing the file: lock, durability read back, migrations, writer and readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import apsw

from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.domain.readiness import Unready
from outrider.ports.clock import Clock
from outrider.ports.system import About
from outrider.store.queries import load
from outrider.store.sqlite.book import SqliteBook
from outrider.store.sqlite.faults import explained, refused
from outrider.store.sqlite.jobs import SqliteJobs
from outrider.store.sqlite.ledger import SqliteLedger
from outrider.store.sqlite.lock import FileLock, lock_file
from outrider.store.sqlite.objects import SqliteObjects
from outrider.store.sqlite.queue import SqliteQueue
from outrider.store.sqlite.temporary import connect_to_sort
from outrider.store.sqlite.upkeep import SqliteSystem, SqliteUpkeep
from outrider.store.sqlite.wiping import wipe
from outrider.store.sqlite.writer import Writer

T = TypeVar("T")
PRAGMAS = load("outrider.store.sqlite", "pragmas.sql")
UNFINISHED = load("outrider.store.sqlite", "contents.sql")["unfinished"]
FULL = 2
READERS = 2


class Readers:
    """Read-only connections, one for each thread of a small pool; short statements only."""

    def __init__(self, path: str) -> None:
        self._idle: list[apsw.Connection] = []
        for _ in range(READERS):
            connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
            connection.set_busy_timeout(2000)
            connection.execute(PRAGMAS["temporary"])
            self._idle.append(connection)
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")

    async def read(self, job: Callable[[apsw.Connection], T]) -> T:
        """Run `job` in one read transaction. Raises StoreUnavailable when the file cannot be read."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, job)

    def _run(self, job: Callable[[apsw.Connection], T]) -> T:
        connection = self._idle.pop()
        try:
            with connection:
                result = job(connection)
        except (apsw.IOError, apsw.CantOpenError, apsw.CorruptError, apsw.BusyError) as error:
            raise StoreUnavailable(f"SQLite cannot read: {type(error).__name__}") from error
        finally:
            self._idle.append(connection)
        return result

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        for connection in self._idle:
            connection.close()


class SqliteDatabase:
    """The store's ports on one file. `close` is idempotent."""

    def __init__(
        self,
        connection: apsw.Connection,
        lock: FileLock,
        incarnation: str,
        *,
        clock: Clock,
        about: About,
    ) -> None:
        self._connection = connection
        self._lock = lock
        self._closed = False
        self.writer = Writer(connection)
        self._readers = Readers(lock.path)
        self.queue = SqliteQueue(self.writer, self._readers, incarnation, clock)
        self.ledger = SqliteLedger(self._readers, clock)
        self.book = SqliteBook(self.writer, self._readers, clock)
        self.jobs = SqliteJobs(self.writer, self._readers, clock)
        self.upkeep = SqliteUpkeep(self.writer, self._readers, clock.now)
        self.system = SqliteSystem(self._readers, about)
        self.neighbours = None
        self.objects = SqliteObjects(self._readers)

    async def unready(self) -> Unready | None:
        return await self.queue.unready()

    def explained(self, error: BaseException) -> ConfigError | None:
        return explained(error)

    async def wipe(self) -> None:
        """The writer waits for work meanwhile, so its connection is free."""
        await asyncio.to_thread(wipe, self._connection)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.queue.close()
        await self.writer.close()
        self._readers.close()
        self._connection.close()
        self._lock.close()


async def open_database(path: str, incarnation: str, *, clock: Clock, about: About) -> SqliteDatabase:
    """Open or create the file for this process alone; its steady time is set with the first heartbeat. Raises
    ConfigError (OUTRIDER_STORE)."""
    return await asyncio.to_thread(_open, path, incarnation, clock, about)


def _open(path: str, incarnation: str, clock: Clock, about: About) -> SqliteDatabase:
    lock = lock_file(path)
    with ExitStack() as undone:  # from the last to the first: SQLite's own locks go when the lock is closed
        undone.callback(lock.close)
        connection = connect(lock.path)
        undone.callback(connection.close)
        try:
            if _scalar(connection, UNFINISHED) is not None:
                raise ConfigError("OUTRIDER_STORE", "a whole store", "an unfinished copy of another one")
            migrate(connection)
            database = SqliteDatabase(connection, lock, incarnation, clock=clock, about=about)
        except apsw.Error as error:
            raise refused(error) from error
        undone.pop_all()
        return database


def connect(path: str, *, to_sort: bool = False) -> apsw.Connection:
    """A connection that writes; `to_sort` for one-off work on whole tables (temporary.py). Raises ConfigError."""
    connection: apsw.Connection | None = None
    try:
        connection = connect_to_sort(path) if to_sort else apsw.Connection(path)
        connection.set_busy_timeout(5000)
        _check_origin(connection)
        connection.execute(PRAGMAS["journal"])
        connection.execute(PRAGMAS["durable"])
        connection.execute(PRAGMAS["keys"])
        connection.execute(PRAGMAS["cache"])
        if not to_sort:
            connection.execute(PRAGMAS["temporary"])
        level = _scalar(connection, PRAGMAS["is_durable"])
        if level != FULL:
            raise ConfigError("OUTRIDER_STORE", "a file system on which synchronous=FULL holds", f"level {level}")
    except (apsw.Error, ConfigError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, apsw.Error):
            raise refused(error) from error
        raise
    return connection


def _check_origin(connection: apsw.Connection) -> None:
    """Nothing is added to, or changed in, what another program keeps."""
    tables, ours = connection.execute(PRAGMAS["origin"]).fetchone() or (0, 0)
    made = _scalar(connection, PRAGMAS["version"]) > 0
    if (tables or made) and not (ours and made):
        expected = "a new file, or one that Outrider has made"
        raise ConfigError("OUTRIDER_STORE", expected, "a database of another program")


def migrate(connection: apsw.Connection) -> None:
    """Bring the file of `connection` up to date, each migration in a transaction with its version.

    That of an older version is migrated on a connection of its own, because a migration may sort a whole table; a
    new file has nothing to sort. Raises ConfigError.
    """
    scripts = migrations()
    version = _scalar(connection, PRAGMAS["version"])
    if version > len(scripts):
        raise ConfigError("OUTRIDER_STORE", f"a store of version {len(scripts)} or older", f"version {version}")
    if version == 0:
        _apply(connection, scripts, 0)
    elif version < len(scripts):
        with closing(connect(connection.filename, to_sort=True)) as sorting:
            _apply(sorting, scripts, version)


def _apply(connection: apsw.Connection, scripts: list[Traversable], version: int) -> None:
    for number, script in enumerate(scripts[version:], start=version + 1):
        with connection:
            connection.execute(script.read_text(encoding="utf-8"))
            connection.pragma("user_version", number)


def migrations() -> list[Traversable]:
    """In order."""
    folder = files("outrider.store.sqlite").joinpath("migrations")
    return sorted((s for s in folder.iterdir() if s.name.endswith(".sql")), key=lambda s: s.name)


def _scalar(connection: apsw.Connection, query: str) -> Any:
    return connection.execute(query).get
