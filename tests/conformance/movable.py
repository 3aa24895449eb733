"""Stores to copy between, something of everything to copy, and ways to interrupt a copy."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import apsw
import asyncpg
import msgspec

from clocks import SetClock
from outrider.app.copying import Compared, copy
from outrider.domain.clock import DAY
from outrider.domain.ids import uuid7
from outrider.domain.model import Webhook
from outrider.ports.contents import COLUMNS, Contents, Copy, Key, Progress, Row, Stretch, Table
from outrider.ports.ledger import EventQuery
from outrider.ports.system import About
from outrider.store.postgres import contents as postgres_contents
from outrider.store.postgres import database as postgres_database
from outrider.store.sqlite import contents as sqlite_contents
from outrider.store.sqlite import database as sqlite_database

ABOUT = About("host", 1, "0", (), 0)
NOW = time.time_ns() // 1_000_000


class Place:
    """Where a store is: `url` of a database, or `path` of a file."""

    def __init__(self, kind: str, where: str) -> None:
        self.kind = kind
        self.where = where

    @asynccontextmanager
    async def opened(self, side: str, *, to_write: bool) -> AsyncIterator[Copy]:
        contents: Copy
        if self.kind == "sqlite":
            contents = await sqlite_contents.open_contents(self.where, side, to_write=to_write)
        else:
            contents = await postgres_contents.open_contents(
                self.where, side, to_write=to_write, silent_after=6_000
            )
        try:
            yield contents
        finally:
            await contents.close()

    async def served(self) -> Any:
        if self.kind == "sqlite":
            return await sqlite_database.open_database(self.where, "one", clock=SetClock(NOW), about=ABOUT)
        return await postgres_database.open_database(
            self.where, "one", clock=SetClock(NOW), size=5, about=ABOUT, dispatches=True, keeps_house=True
        )

    async def ask(self, statement: str) -> list[Any]:
        if self.kind == "sqlite":
            connection = apsw.Connection(self.where)
            try:
                return list(connection.execute(statement))
            finally:
                connection.close()
        database = await asyncpg.connect(self.where)
        try:
            return [tuple(row) for row in await database.fetch(statement)]
        finally:
            await database.close()


def contents() -> dict[Table, list[Row]]:
    """Something of everything: two tenants, absent values, text beyond ASCII, days apart."""
    webhooks = [
        Webhook(f"w{n}", f"t{n % 2}", f"Wébhook {n}", ("Login",), "https://a.example", "signing" if n else "",
                None, None, None, n, n)
        for n in range(4)
    ]  # fmt: skip
    ids = [uuid7(NOW + n * DAY // 3, bytes([n + 5]) * 10) for n in range(-5, 9)]
    return {
        Table.DATA_KEY: [(1, "wrapped one"), (2, "wrapped two")],
        Table.TENANT: [(f"t{n}", f"key-{n}", 7 + n, bytes([n, 255, 0])) for n in range(2)],
        Table.WEBHOOK: [
            (w.tenant, w.id, w.name, int(w.id != "w3"), NOW if w.id == "w2" else None, msgspec.msgpack.encode(w),
             int(w.id != "w1"))
            for w in webhooks
        ],
        Table.WEBHOOK_PAST: [
            (w.tenant, w.id, version, None if version == 9 else b"past", version // 9)
            for w in webhooks for version in (1, 9)
        ],
        Table.SECRET: [("t0", "s1", "signing", b"document"), ("t1", "s2", "", b"")],
        Table.API_KEY: [("t1", "k1", b"key")],
        Table.EVENT: [
            (f"t{n % 2}", f"e{n}", "Login", None if n % 3 else f"ü{n}", "o1" if n == 4 else None,
             NOW + n, NOW + n * DAY // 3, b"\x00{}" * n, bytes(16), n)
            for n in range(8)
        ],
        Table.LEDGER: [
            (40 + n, f"t{n % 2}", NOW + n * DAY // 3, "skipped", f"e{n}", "bulk", "why", *[None] * 10)
            for n in range(2)
        ] + [
            (50 + n, f"t{n % 2}", NOW + n, ("attempted", "exhausted", "delivered")[n % 3], f"e{n}", None, None,
             identity, f"w{n % 4}", "", "Login", None if n % 2 else "ü", NOW + n, f"job:{n}" if n == 2 else None,
             n, 200 + n, b"\x93attempt" if n % 2 else None)
            for n, identity in enumerate(ids[:8])
        ],
        Table.QUEUE: [
            (f"t{n % 2}", identity, f"w{n % 2}", f"e{n}", "Login", f"u{n}", n, NOW + n, NOW - n,
             "" if n > 1 else None, None, int(n > 3), 503 if n else None, "timeout" if n else None,
             n // 2 if n > 1 else None)
            for n, identity in enumerate(ids[8:14])
        ],
        Table.HEALTH: [("t0", "w0", b"health"), ("t1", "w1", b"")],
        Table.JOB: [("t0", "j1", "done", 18, b"job"), ("t0", "j2", "cancelled", 12, b"job")],
        Table.CUSTOM_OBJECT: [
            ("t1", f"u{n}", "orders", f"{n:024x}", bytes([n]), NOW, NOW + n, 1 + n) for n in range(7)
        ],
    }  # fmt: skip


class Given:
    """Contents in memory."""

    keeps_turns = True

    def __init__(self, rows: dict[Table, list[Row]]) -> None:
        self.rows = rows

    async def data_keys(self) -> dict[int, str]:
        return dict(self.rows[Table.DATA_KEY])

    async def mark(self) -> str:
        return "given"

    async def count(self, table: Table) -> int:
        return len(self.rows[table])

    async def read(self, table: Table, after: Key | None, take: Callable[[Stretch], Awaitable[None]]) -> None:
        assert after is None
        if self.rows[table]:
            await take(Stretch(self.rows[table], ()))

    async def last_line(self) -> int:
        return 200

    async def running_jobs(self) -> int:
        return 0

    async def out_of_turn(self) -> int:
        return 0

    async def close(self) -> None: ...


class Interrupted(Exception):
    pass


class Breaking:
    """A copy that is interrupted at its write number `after`: before it, or when it has happened."""

    def __init__(self, copy: Copy, after: int, *, happened: bool) -> None:
        self._copy = copy
        self._left = after
        self._happened = happened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._copy, name)

    async def write(self, table: Table, rows: list[Row], before: Progress, after: Progress) -> None:
        self._left -= 1
        if self._left == 0 and not self._happened:
            raise Interrupted
        await self._copy.write(table, rows, before, after)
        if self._left == 0:
            raise Interrupted


def silent(*_: Any) -> None:
    pass


async def copied(source: Contents, target: Copy) -> Compared:
    return await copy(source, target, copied=silent, compared=silent)


async def fill(target: Place, rows: dict[Table, list[Row]] | None = None) -> None:
    async with target.opened("target", to_write=True) as store:
        assert (await copied(Given(rows or contents()), store)).identical


async def rows_of(store: Contents) -> dict[Table, list[Row]]:
    found: dict[Table, list[Row]] = {}
    for table in Table:
        found[table] = []

        async def take(stretch: Stretch, into: list[Row] = found[table]) -> None:
            into.extend(stretch.rows)

        await store.read(table, None, take)
        found[table].sort()
    return found


def shuffled_events() -> list[Row]:
    """Ten days, in no order of time, three events of each instant."""
    instants = [NOW - n * DAY // 2 for n in range(20)]
    return [
        (f"t{n % 2}", f"x{n}", ("Login", "Register")[n % 5 == 0], f"s{n % 3}", None, NOW, instants[n * 7 % 20],
         b"{}", bytes(16), 1)
        for n in range(60)
    ]  # fmt: skip


async def copied_with_a_break(source: Place, target: Place) -> None:
    for left in (22, -1):
        async with (
            source.opened("source", to_write=False) as reading,
            target.opened("target", to_write=True) as writing,
        ):
            try:
                assert (await copied(reading, Breaking(writing, left, happened=True))).identical
            except Interrupted:
                assert 0 < await writing.count(Table.EVENT) < len(shuffled_events())


async def check_lists(store: Place, rows: list[Row]) -> None:
    """Newest first, whatever is asked for, also when the second page begins amid events of one instant."""
    tenant, identity, kind, subject, accepted = (
        COLUMNS[Table.EVENT].index(name) for name in ("tenant", "id", "type", "subject", "accepted")
    )
    since = NOW - 6 * DAY
    wanted: list[tuple[EventQuery, Callable[[Any], bool]]] = [
        (EventQuery(), bool),
        (EventQuery(type="Register"), lambda row: row[kind] == "Register"),
        (EventQuery(subject="s1"), lambda row: row[subject] == "s1"),
        (EventQuery(since=since, until=NOW), lambda row: since <= row[accepted] < NOW),
    ]
    served = await store.served()
    try:
        for query, fits in wanted:
            first = await served.ledger.events("t1", query, None, 5)
            listed = first + await served.ledger.events("t1", query, first[-1].place, 100)
            instants = [row.event.accepted for row in listed]
            assert instants == sorted(instants, reverse=True), query
            expected = sorted(str(row[identity]) for row in rows if row[tenant] == "t1" and fits(row))
            assert sorted(row.event.id for row in listed) == expected, query
    finally:
        await served.close()
