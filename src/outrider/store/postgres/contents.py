"""`ports.contents.Contents` and `Copy` on PostgreSQL.

Tables are read through a cursor, each in one snapshot; the larger ones are sorted by the server, which needs room
for that on its disk. What is written comes in arrays, a statement for each stretch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

import asyncpg
import msgspec

from outrider.domain.clock import DAY, SECOND
from outrider.domain.errors import ConfigError, InvalidField, StoreUnavailable
from outrider.domain.ids import is_uuid
from outrider.ports.contents import COLUMNS, Key, Progress, Row, RowsRefused, Stretch, Table
from outrider.store.postgres.connections import Connections, check_server, connect, parse_url, rows_of
from outrider.store.postgres.faults import SETTING, explained
from outrider.store.postgres.migrate import SQL as MIGRATE
from outrider.store.postgres.migrate import migrate, migrations
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.postgres.rows import columns
from outrider.store.postgres.spans import id_instant, place
from outrider.store.postgres.upkeep import AHEAD
from outrider.store.postgres.upkeep import SQL as UPKEEP
from outrider.store.queries import load
from outrider.store.stretches import Stretches, decode_key, encode_key

SQL = load("outrider.store.postgres", "contents.sql")
FETCHED = 1_000  # rows in one answer of a cursor
READING_S = 7 * 86_400.0  # a table may be large, and the other store slow
WRITING_S = 600.0
# What looks at every day locks each partition and its indexes, and a server's lock table holds 6,400 by default.
# What is older is read seldom, and goes to the partitions for the rest.
DAYS_BACK = 400
_SETTINGS = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",  # a reader waits for the other store
    "enable_seqscan": "on",  # whole tables are read here
}
_BY_PLACE = {Table.EVENT, Table.QUEUE}  # whose place is no column of theirs in other stores
_TURN = COLUMNS[Table.QUEUE].index("turn")
_DELIVERY = COLUMNS[Table.LEDGER].index("delivery")
_AT = COLUMNS[Table.LEDGER].index("at")
_ACCEPTED = COLUMNS[Table.EVENT].index("accepted")


class PostgresContents:
    """`side` names the store in errors. A process with a last heartbeat older than `silent_after` (ms) is gone."""

    keeps_turns = True

    def __init__(self, connections: Connections, side: str, silent_after: int) -> None:
        self._connections = connections
        self._side = side
        self._silent_after = silent_after
        self._days: set[int] = set()

    async def check_unserved(self) -> None:
        """Raises ConfigError."""
        await self._connections.run(self._look_for_life)

    async def _look_for_life(self, connection: Any) -> None:
        alive = await connection.fetchval(SQL["alive"], self._silent_after)
        if alive:
            given = f"{alive} that showed life in the last {self._silent_after / SECOND:g} s"
            raise ConfigError(self._side, "a store no Outrider serves", given)

    async def data_keys(self) -> dict[int, str]:
        rows = await self._connections.run(lambda connection: connection.fetch(SQL["read_data_key"], -1))
        return {row[0]: row[1] for row in rows}

    async def mark(self) -> str:
        await self.check_unserved()
        row = await self._connections.run(lambda c: c.fetchrow(SQL["mark"]), limit_s=READING_S)
        return hashlib.blake2b(msgspec.msgpack.encode(tuple(row)), digest_size=16).hexdigest()

    async def count(self, table: Table) -> int:
        return int(await self._connections.run(lambda c: c.fetchval(SQL[f"count_{table}"]), limit_s=READING_S))

    async def read(self, table: Table, after: Key | None, take: Callable[[Stretch], Awaitable[None]]) -> None:
        stretches = Stretches(table, ("place",) if table in _BY_PLACE else None)
        key = stretches.before_all() if after is None else after

        async def work(connection: Any) -> None:
            cursor = await connection.cursor(SQL[f"read_{table}"], *key)
            while rows := await cursor.fetch(stretches.wanted(FETCHED)):
                for row in rows:
                    stretch = stretches.add(tuple(row))
                    if stretch is not None:
                        await take(stretch)
            stretch = stretches.rest()
            if stretch is not None:
                await take(stretch)

        await self._connections.in_transaction(work, limit_s=READING_S)

    async def last_line(self) -> int:
        return int(await self._connections.run(lambda connection: connection.fetchval(SQL["last_line"])))

    async def running_jobs(self) -> int:
        return int(await self._connections.run(lambda connection: connection.fetchval(SQL["running_jobs"])))

    async def out_of_turn(self) -> int:
        found = await self._connections.run(lambda c: c.fetchval(SQL["out_of_turn"]), limit_s=READING_S)
        return int(found)

    async def begin(self, mark: str) -> dict[Table, Progress]:
        rows = await self._connections.in_transaction(lambda connection: self._begin(connection, mark))
        if any(row["source"] != mark for row in rows):
            expected = "an empty store, or the unfinished copy of the source as it is"
            raise ConfigError(self._side, expected, "a copy of another source, or of this one before it changed")
        return {Table(row["part"]): Progress(row["rows"], decode_key(row["after"]), row["done"]) for row in rows}

    async def write(self, table: Table, rows: list[Row], before: Progress, after: Progress) -> None:
        await self._make_days(table, rows)

        async def work(connection: Any) -> None:
            if rows:
                done = await connection.execute(SQL[f"write_{table}"], *_arrays(table, rows, before))
                if rows_of(done) != len(rows):
                    raise RowsRefused(f"the source is not whole: {table} refers to events that are not there")
            step = (after.rows, encode_key(after.after), after.done, table, before.rows)
            if rows_of(await connection.execute(SQL["advance"], *step)) != 1:
                raise RowsRefused(f"another process goes on with the copy of {table}")

        try:
            await self._connections.in_transaction(work, limit_s=WRITING_S)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, InvalidField) as error:
            raise RowsRefused(f"PostgreSQL takes no such rows of {table}: {_why(rows, error)}") from error

    async def set_last_line(self, place: int) -> None:
        await self._connections.run(lambda c: c.execute(SQL["set_last_line"], place), limit_s=READING_S)

    async def finish(self) -> None:
        """The planner learns what came, so that the first queries do not have to wait for autovacuum."""
        await self._connections.run(lambda connection: connection.execute(SQL["analyze"]), limit_s=READING_S)
        await self.check_unserved()
        await self._connections.run(lambda connection: connection.execute(SQL["drop_progress"]))

    async def close(self) -> None:
        await self._connections.close()

    async def _begin(self, connection: Any, mark: str) -> list[Any]:
        # Starts take this lock too. One that looked for a copy before there was this one is found at the end.
        await connection.execute(MIGRATE["lock"])
        await self._look_for_life(connection)
        if not await connection.fetchval(SQL["unfinished"]):
            found = [row[0] for row in await connection.fetch(SQL["not_empty"])]
            if found:
                raise ConfigError(self._side, "an empty store", f"one with {', '.join(found)}")
            await connection.execute(SQL["make_progress"])
            await connection.execute(SQL["begin_part"], [str(table) for table in Table], mark)
        return list(await connection.fetch(SQL["progress"]))

    async def _make_days(self, table: Table, rows: list[Row]) -> None:
        """Partitions for the days of these rows, each in a transaction of its own: a lock for every new table and
        index is held until the commit."""
        instants = _instants(table, rows)
        days = {at - at % DAY for at in instants} - self._days
        if not days:
            return
        today = await self._connections.run(lambda connection: connection.fetchval(NODE["now"])) // DAY * DAY
        for day in sorted(days):
            if today - DAYS_BACK * DAY <= day <= today + AHEAD * DAY:
                await self._add_day(day)
        self._days |= days

    async def _add_day(self, day: int) -> None:
        await self._connections.run(lambda connection: connection.execute(UPKEEP["add_day"], day))


async def open_contents(text: str, side: str, *, to_write: bool, silent_after: int) -> PostgresContents:
    """The schema must be up to date; to write, it is made where there is none. Raises ConfigError (`side`), also
    when somebody serves the store."""
    try:
        return await _open(text, side, to_write, silent_after)
    except ConfigError as error:
        raise ConfigError(side, error.expected, error.given) from error


async def _open(text: str, side: str, to_write: bool, silent_after: int) -> PostgresContents:
    url = parse_url(text)
    if url.pooled:
        raise ConfigError(side, "a direct connection, because tables are read by cursors", "pooler=transaction")
    connections = await connect(url, 2, **_SETTINGS)
    try:
        if to_write:
            await check_server(connections, NODE)
            if not await _has_schema(connections):
                await migrate(connections, migrations())
        await _check_migrated(connections)
        contents = PostgresContents(connections, side, silent_after)
        await contents.check_unserved()
    except BaseException as error:
        await connections.close()
        found = explained(error)
        if found is None or isinstance(error, StoreUnavailable):
            raise
        raise found from error
    return contents


async def is_unfinished(connections: Connections) -> bool:
    """Whether the store is a copy that is not whole yet."""
    return bool(await connections.run(lambda connection: connection.fetchval(SQL["unfinished"])))


async def _has_schema(connections: Connections) -> bool:
    return bool(await connections.run(lambda connection: connection.fetchval(SQL["migrated"])))


async def _check_migrated(connections: Connections) -> None:
    known = {m.number for m in migrations()}
    needed = {m.number for m in migrations() if not m.after}
    applied: set[int] = set()
    if await _has_schema(connections):
        rows = await connections.run(lambda connection: connection.fetch(MIGRATE["applied"]))
        applied = {row[0] for row in rows}
    if not needed <= applied <= known:
        expected = f"a store of version {max(known)}; a start of this Outrider brings an older one there"
        raise ConfigError(SETTING, expected, f"version {max(applied, default=0)}")


def _arrays(table: Table, rows: list[Row], before: Progress) -> list[Any]:
    arrays: list[Any] = list(columns(rows, len(COLUMNS[table])))
    if table is Table.EVENT:
        numbered = enumerate(arrays[_ACCEPTED], before.rows + 1)
        arrays.append([place(accepted, number) for number, accepted in numbered])
    if table is Table.QUEUE:
        arrays[_TURN] = before.rows + 1  # the place of the first of them: rows come in the order of their turns
    return arrays


def _instants(table: Table, rows: list[Row]) -> set[int]:
    """What decides on a row's partition; none for tables without."""
    if table is Table.EVENT:
        return {cast("int", row[_ACCEPTED]) for row in rows}
    if table is not Table.LEDGER:
        return set()
    found = set()
    for row in rows:
        delivery = row[_DELIVERY]
        if delivery is None:
            found.add(cast("int", row[_AT]))
        elif is_uuid(str(delivery)):
            found.add(id_instant(str(delivery), 0))
    return found


def _why(rows: list[Row], error: Exception) -> str:
    """Without the driver's message, which quotes values."""
    if any(isinstance(value, str) and "\x00" in value for row in rows for value in row):
        return "a text holds the character U+0000, which PostgreSQL cannot store"
    return type(error).__name__
