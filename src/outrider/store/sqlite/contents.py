"""`ports.contents.Contents` and `Copy` on SQLite. The file's lock keeps everybody else out meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec

from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.domain.model import Webhook
from outrider.ports.contents import COLUMNS, Key, Progress, Row, RowsRefused, Stretch, Table
from outrider.store.queries import load
from outrider.store.sqlite.database import PRAGMAS, connect, migrate, migrations
from outrider.store.sqlite.faults import refused
from outrider.store.sqlite.lock import FileLock, lock_file
from outrider.store.sqlite.temporary import connect_to_sort
from outrider.store.stretches import Stretches, decode_key, encode_key

SQL = load("outrider.store.sqlite", "contents.sql")
SETTING = "OUTRIDER_STORE"
_DOCUMENT = COLUMNS[Table.WEBHOOK].index("document")
_TURN = COLUMNS[Table.QUEUE].index("turn")
_decode_webhook = msgspec.msgpack.Decoder(Webhook).decode


class SqliteContents:
    keeps_turns = False

    def __init__(self, connection: apsw.Connection, lock: FileLock) -> None:
        self._connection = connection
        self._lock = lock
        self._closed = False

    async def data_keys(self) -> dict[int, str]:
        return dict(await self._all("read_data_key", (-1,)))

    async def mark(self) -> str:
        rows = await self._all("mark")
        return hashlib.blake2b(msgspec.msgpack.encode(rows), digest_size=16).hexdigest()

    async def count(self, table: Table) -> int:
        return int((await self._all(f"count_{table}"))[0][0])

    async def read(self, table: Table, after: Key | None, take: Callable[[Stretch], Awaitable[None]]) -> None:
        stretches = Stretches(table, ("accepted", "place") if table is Table.EVENT else None)
        key = stretches.before_all() if after is None else after
        rows: Iterator[Any] = await self._run(lambda connection: connection.execute(SQL[f"read_{table}"], key))
        while (stretch := await self._run(lambda _: _next(stretches, rows))) is not None:
            await take(stretch)

    async def last_line(self) -> int:
        return int((await self._all("last_line"))[0][0])

    async def running_jobs(self) -> int:
        return int((await self._all("running_jobs"))[0][0])

    async def out_of_turn(self) -> int:
        """None: the ids are the order."""
        return 0

    async def begin(self, mark: str) -> dict[Table, Progress]:
        progress: dict[Table, Progress] = await self._run(lambda connection: _begin(connection, mark))
        return progress

    async def write(self, table: Table, rows: list[Row], before: Progress, after: Progress) -> None:
        await self._run(lambda connection: _write(connection, table, rows, before, after))

    async def set_last_line(self, place: int) -> None:
        def job(connection: apsw.Connection) -> None:
            with connection:
                connection.execute(SQL["forget_last_line"])
                connection.execute(SQL["set_last_line"], (place,))

        await self._run(job)

    async def finish(self) -> None:
        await self._run(lambda connection: connection.execute(SQL["drop_progress"]))

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._connection.close)
            self._lock.close()

    async def _all(self, query: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        rows: list[Any] = await self._run(lambda connection: list(connection.execute(SQL[query], bindings)))
        return rows

    async def _run(self, job: Callable[[apsw.Connection], Any]) -> Any:
        """What `job` returns, in a thread. Raises StoreUnavailable."""
        try:
            return await asyncio.to_thread(job, self._connection)
        except (apsw.ConstraintError, apsw.MismatchError) as error:
            raise RowsRefused(f"SQLite does not take what the other store holds: {error}") from error
        except apsw.Error as error:
            raise StoreUnavailable(f"SQLite cannot be used: {type(error).__name__}") from error


async def open_contents(path: str, side: str, *, to_write: bool) -> SqliteContents:
    """Locked until `close`. The file must be up to date; to write, it is made where there is none, to read, nothing
    in it changes. Raises ConfigError (`side`)."""
    try:
        return await asyncio.to_thread(_open, path, to_write)
    except ConfigError as error:
        raise ConfigError(side, error.expected, error.given) from error


def _open(path: str, to_write: bool) -> SqliteContents:
    if not to_write and not Path(path).is_file():
        raise ConfigError(SETTING, "an SQLite store", "a file that is not there")
    lock = lock_file(path)
    try:
        connection = connect(lock.path, to_sort=True) if to_write else _connect_to_read(lock.path)
        _check_version(connection, to_write)
    except apsw.Error as error:
        lock.close()
        raise refused(error) from error
    except BaseException:
        lock.close()
        raise
    return SqliteContents(connection, lock)


def _connect_to_read(path: str) -> apsw.Connection:
    try:
        # Read and write, so that what a killed process left in the log is taken in.
        connection = connect_to_sort(path)
        connection.execute(SQL["look_only"])
        connection.execute(PRAGMAS["version"])
    except apsw.Error as error:
        raise refused(error) from error
    return connection


def _check_version(connection: apsw.Connection, to_write: bool) -> None:
    version: Any = connection.execute(PRAGMAS["version"]).get
    current = len(migrations())
    # Not made yet, or not to the end: data keys are the first rows of every store.
    if to_write and version < current and (version == 0 or connection.execute(SQL["count_data_key"]).get == 0):
        migrate(connection)
    elif version != current:
        connection.close()
        expected = f"a store of version {current}; a start of this Outrider brings an older one there"
        raise ConfigError(SETTING, expected, f"version {version}")


def _next(stretches: Stretches, rows: Iterator[Any]) -> Stretch | None:
    for row in rows:
        stretch = stretches.add(row)
        if stretch is not None:
            return stretch
    return stretches.rest()


def _begin(connection: apsw.Connection, mark: str) -> dict[Table, Progress]:
    with connection:
        if connection.execute(SQL["unfinished"]).get is None:
            found = [row[0] for row in connection.execute(SQL["not_empty"])]
            if found:
                raise ConfigError("target", "an empty store", f"one with {', '.join(found)}")
            connection.execute(SQL["make_progress"])
            connection.executemany(SQL["begin_part"], [(table, mark) for table in Table])
        rows: list[Any] = list(connection.execute(SQL["progress"]))
    if any(source != mark for _, source, *_ in rows):
        expected = "an empty store, or the unfinished copy of the source as it is"
        raise ConfigError("target", expected, "a copy of another source, or of this one before it changed")
    return {Table(part): Progress(count, decode_key(after), bool(done)) for part, _, count, after, done in rows}


def _write(connection: apsw.Connection, table: Table, rows: list[Row], before: Progress, after: Progress) -> None:
    with connection:
        connection.executemany(SQL[f"write_{table}"], _bindings(table, rows))
        row = (after.rows, encode_key(after.after), int(after.done), table, before.rows)
        connection.execute(SQL["advance"], row)
        if connection.changes() != 1:
            raise RowsRefused(f"another process goes on with the copy of {table}")


def _bindings(table: Table, rows: list[Row]) -> list[Any]:
    if table is Table.WEBHOOK:
        return [(*row, _decode_webhook(cast("bytes", row[_DOCUMENT])).secret) for row in rows]
    if table is Table.QUEUE:
        return [row[:_TURN] for row in rows]
    return rows
