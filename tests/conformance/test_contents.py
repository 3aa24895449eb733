"""Contents from any store to any other: nothing forgotten, interrupted anywhere, differences found."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conformance.movable import (
    NOW,
    Breaking,
    Given,
    Interrupted,
    Place,
    check_lists,
    contents,
    copied,
    copied_with_a_break,
    fill,
    rows_of,
    shuffled_events,
    silent,
)
from outrider.app.copying import compare
from outrider.domain.clock import DAY
from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.ports.contents import COLUMNS, Progress, RowsRefused, Table
from outrider.store import stretches
from postgres import Postgres

ALL = list(itertools.product(["sqlite", "postgres"], repeat=2))
# What a store keeps beside: derived from the rest, or of no meaning in another store.
OWN: dict[str, dict[str, set[str]]] = {
    "sqlite": {"tenant": {"number"}, "webhook": {"secret"}, "event": {"place"}, "queue": {"lease"}},
    "postgres": {
        "tenant": {"changed"},
        "event": {"place"},
        "queue": {"lease", "event_place", "event_accepted", "place"},
        "health": {"node", "changed"},
    },
}
OWN_TABLES = {
    "sqlite": {"node", "clock", "unwiped"},
    "postgres": {"node", "clock", "event_id", "migration"},
}
Make = Callable[[str], Place]


@pytest.fixture
def place(postgres_server: Postgres, tmp_path: Path) -> Iterator[Make]:
    """A new store of this kind."""
    numbers = itertools.count()
    with ThreadPoolExecutor(1) as beside:  # it has a loop of its own

        def make(kind: str) -> Place:
            if kind == "sqlite":
                return Place(kind, str(tmp_path / f"{next(numbers)}.db"))
            return Place(kind, beside.submit(postgres_server.database).result())

        yield make


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "ROWS", 3)


@pytest.mark.parametrize(("source", "target"), ALL)
def test_everything_arrives_however_often_it_is_interrupted(place: Make, source: str, target: str) -> None:
    async def check() -> None:
        one, other = place(source), place(target)
        await fill(one)
        interruptions = 0
        while True:
            async with (
                one.opened("source", to_write=False) as reading,
                other.opened("target", to_write=True) as writing,
            ):
                # From one write more each time, so that every kind of write is met by both interruptions.
                broken = Breaking(writing, 1 + interruptions % 3, happened=interruptions % 2 == 0)
                try:
                    found = await copied(reading, broken)
                except Interrupted:
                    interruptions += 1
                else:
                    break
            with pytest.raises(ConfigError, match="unfinished copy"):
                await other.served()
        assert interruptions > 15
        assert found.identical
        async with other.opened("target", to_write=False) as whole:
            assert await rows_of(whole) == {table: sorted(rows) for table, rows in contents().items()}
            assert await whole.last_line() == 200
            assert [await whole.count(table) for table in Table] == [len(rows) for rows in contents().values()]
        await (await other.served()).close()

    asyncio.run(check())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_table_and_no_column_is_forgotten(place: Make, kind: str) -> None:
    schema = {
        "sqlite": "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'",
        "postgres": "SELECT c.relname::text, a.attname::text"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attnum > 0 AND NOT a.attisdropped",
    }

    async def look() -> list[Any]:
        store = place(kind)
        async with store.opened("target", to_write=True):
            pass
        return await store.ask(schema[kind])

    found: dict[str, set[str]] = {}
    for table, column in asyncio.run(look()):
        found.setdefault(table, set()).add(column)
    assert set(found) == set(Table) | OWN_TABLES[kind]
    for table in Table:
        assert found[table] == set(COLUMNS[table]) - {"turn"} | OWN[kind].get(table, set()), table


CHANGES = [
    ("DELETE FROM data_key WHERE number = 2", "data_key"),
    ("UPDATE tenant SET version = 1 WHERE id = 't0'", "tenant"),
    ("UPDATE webhook SET deleted = 1 WHERE id = 'w0'", "webhook"),
    ("UPDATE webhook_past SET version = 8 WHERE version = 9 AND webhook = 'w1'", "webhook_past"),
    ("UPDATE secret SET name = 'Signing' WHERE id = 's1'", "secret"),
    ("DELETE FROM api_key", "api_key"),
    ("UPDATE event SET subject = NULL WHERE id = 'e0'", "event"),
    ("DELETE FROM ledger WHERE line = 'skipped'", "ledger"),
    ("UPDATE queue SET due = due + 1 WHERE event = 'e5'", "queue"),
    ("UPDATE health SET document = 'x' WHERE webhook = 'w1'", "health"),
    ("UPDATE job SET place = 13 WHERE state = 'cancelled'", "job"),
    ("UPDATE custom_object SET revision = 9 WHERE uid = 'u6'", "custom_object"),
]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_difference_is_found(place: Make, kind: str) -> None:
    async def check() -> None:
        store = place(kind)
        await fill(store)
        changed_tables = set()
        for statement, table in CHANGES:
            if kind == "sqlite":
                statement = statement.replace("document = 'x'", "document = x'78'")
            await store.ask(statement)
            async with store.opened("target", to_write=False) as changed:
                found = await compare(Given(contents()), changed, silent)
            changed_tables.add(table)
            assert {one.table for one in found.tables if not one.identical} == changed_tables, statement
            assert not found.identical

    asyncio.run(check())


def test_last_lines_and_turns_are_compared(place: Make) -> None:
    async def check() -> None:
        store = place("postgres")
        await fill(store)
        await store.ask("SELECT setval('ledger_place', 199)")
        async with store.opened("target", to_write=False) as changed:
            assert not (await compare(Given(contents()), changed, silent)).identical
        await store.ask("SELECT setval('ledger_place', 201)")
        await store.ask("UPDATE queue SET place = 100 - place")
        async with store.opened("target", to_write=False) as changed:
            found = await compare(Given(contents()), changed, silent)
        assert [one.table for one in found.tables if not one.identical] == [Table.QUEUE]

    asyncio.run(check())


def test_sqlite_refuses_an_order_it_cannot_keep(place: Make) -> None:
    async def check() -> None:
        source, target = place("postgres"), place("sqlite")
        await fill(source)
        await source.ask("UPDATE queue SET place = 100 - place")
        async with (
            source.opened("source", to_write=False) as reading,
            target.opened("target", to_write=True) as writing,
        ):
            with pytest.raises(ConfigError, match=r"source: .* 4 that wait in another order"):
                await copied(reading, writing)
        other = place("postgres")
        async with (
            source.opened("source", to_write=False) as reading,
            other.opened("target", to_write=True) as writing,
        ):
            assert (await copied(reading, writing)).identical

    asyncio.run(check())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_only_the_same_source_goes_on(place: Make, kind: str) -> None:
    async def start(source: Place, target: Place) -> None:
        async with (
            source.opened("source", to_write=False) as reading,
            target.opened("target", to_write=True) as writing,
        ):
            await copied(reading, Breaking(writing, 12, happened=True))

    async def check() -> None:
        source, target, stranger = place(kind), place(kind), place(kind)
        await fill(source)
        await fill(stranger, contents() | {Table.DATA_KEY: [(1, "of another store")]})
        with pytest.raises(Interrupted):
            await start(source, target)
        with pytest.raises(ConfigError, match=r"target: .* another source"):
            await start(stranger, target)
        with pytest.raises(ConfigError, match="target: expected an empty store, given one with data_key, tenant"):
            await start(source, stranger)
        await source.ask("UPDATE queue SET attempts = attempts + 1 WHERE event = 'e5'")
        with pytest.raises(ConfigError, match="before it changed"):
            await start(source, target)

    asyncio.run(check())


def test_a_source_that_changes_meanwhile_makes_no_copy(place: Make) -> None:
    class Changing(Breaking):
        async def set_last_line(self, place: int) -> None:
            await source.ask("UPDATE tenant SET version = 100")
            await self._copy.set_last_line(place)

    source = place("postgres")

    async def check() -> None:
        target = place("sqlite")
        await fill(source)
        async with (
            source.opened("source", to_write=False) as reading,
            target.opened("target", to_write=True) as writing,
        ):
            with pytest.raises(ConfigError, match=r"source: .* one that changed"):
                await copied(reading, Changing(writing, -1, happened=False))
        with pytest.raises(ConfigError, match="unfinished copy"):
            await target.served()

    asyncio.run(check())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_copies_at_once_write_nothing_twice(place: Make, kind: str) -> None:
    async def check() -> None:
        target = place(kind)
        rows = contents()[Table.DATA_KEY]
        async with target.opened("target", to_write=True) as writing:
            await writing.begin("mark")
            await writing.write(Table.DATA_KEY, rows, Progress(), Progress(2, (2,)))
            again = [(3, "wrapped three")]
            with pytest.raises(RowsRefused, match="another process"):
                await writing.write(Table.DATA_KEY, again, Progress(), Progress(1, (3,)))
            assert await writing.data_keys() == dict(rows)
            with pytest.raises(RowsRefused):
                await writing.write(Table.DATA_KEY, rows, Progress(2, (2,)), Progress(4, (2,)))
            assert (await writing.begin("mark"))[Table.DATA_KEY] == Progress(2, (2,))

    asyncio.run(check())


def test_what_postgresql_cannot_hold_is_said(place: Make) -> None:
    async def check() -> None:
        target = place("postgres")
        rows = contents()
        tenant, identity, kind, _, *rest = rows[Table.EVENT][0]
        rows[Table.EVENT][0] = (tenant, identity, kind, "a\x00b", *rest)
        async with target.opened("target", to_write=True) as writing:
            with pytest.raises(RowsRefused, match=r"event: .* U\+0000"):
                await copied(Given(rows), writing)
        rows = contents()
        rows[Table.EVENT] = rows[Table.EVENT][:-4]
        async with place("postgres").opened("target", to_write=True) as writing:
            with pytest.raises(RowsRefused, match="events that are not there"):
                await copied(Given(rows), writing)

    asyncio.run(check())


def test_days_become_partitions_but_for_those_far_off(place: Make) -> None:
    async def check() -> None:
        target = place("postgres")
        rows = contents()
        for number, days in enumerate((-5_000, -399, 30)):
            at = NOW + days * DAY
            event = ("t0", f"far{number}", "Login", None, None, at, at, b"{}", bytes(16), 1)
            rows[Table.EVENT].append(event)
            line = (300 + number, "t0", at, "skipped", f"far{number}", "bulk", "why", *[None] * 10)
            rows[Table.LEDGER].append(line)
        await fill(target, rows)
        assert await target.ask("SELECT id FROM event_default ORDER BY id") == [("far0",), ("far2",)]
        assert await target.ask("SELECT event FROM ledger_default ORDER BY event") == [("far0",), ("far2",)]
        await (await target.served()).close()

    asyncio.run(check())


def test_stores_of_other_versions_and_none_are_refused(place: Make, tmp_path: Path) -> None:
    async def check() -> None:
        missing = Place("sqlite", str(tmp_path / "missing.db"))
        with pytest.raises(ConfigError, match=r"source: .* not there"):
            async with missing.opened("source", to_write=False):
                pass
        for kind in ("sqlite", "postgres"):
            store = place(kind)
            await fill(store)
            old = {"sqlite": "PRAGMA user_version = 1", "postgres": "DELETE FROM migration"}
            await store.ask(old[kind])
            for to_write in (False, True):
                with pytest.raises(ConfigError, match="source: expected a store of version"):
                    async with store.opened("source", to_write=to_write):
                        pass
        behind = place("postgres")
        behind.where += "?pooler=transaction"
        with pytest.raises(ConfigError, match="a direct connection"):
            async with behind.opened("source", to_write=False):
                pass

    asyncio.run(check())
    assert not list(tmp_path.glob("missing*"))


def test_reading_changes_nothing(place: Make) -> None:
    async def check() -> None:
        store = place("sqlite")
        await fill(store)
        async with store.opened("source", to_write=False) as reading:
            with pytest.raises(StoreUnavailable):
                await reading.write(Table.DATA_KEY, [(9, "x")], Progress(), Progress(1, (9,)))

    asyncio.run(check())


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_running_jobs_have_to_end_first(place: Make, kind: str) -> None:
    async def check() -> None:
        source, target = place(kind), place("sqlite")
        await fill(source)
        await source.ask("UPDATE job SET state = 'running' WHERE id = 'j2'")
        async with (
            source.opened("source", to_write=False) as reading,
            target.opened("target", to_write=True) as writing,
        ):
            with pytest.raises(ConfigError, match=r"source: .* whose jobs have ended: .* given 1 running"):
                await copied(reading, writing)
            assert [await writing.count(table) for table in Table] == [0] * len(Table)
        await (await target.served()).close()  # nor is it an unfinished copy

    asyncio.run(check())


def test_events_get_the_places_of_their_new_store(place: Make) -> None:
    async def check() -> None:
        first, middle, last = place("sqlite"), place("postgres"), place("sqlite")
        events = contents()[Table.EVENT] + shuffled_events()
        await fill(first, contents() | {Table.EVENT: events})
        await copied_with_a_break(first, middle)
        assert await middle.ask("SELECT count(*) FROM event_default") == [(0,)]
        assert await middle.ask("SELECT count(*) FROM event WHERE place >> 20 <> accepted") == [(0,)]
        found = await middle.ask("SELECT tenant, id, place FROM event ORDER BY tenant, id")
        assert len(found) == len(events)
        assert await middle.ask("SELECT tenant, id, place FROM event_id ORDER BY tenant, id") == found
        owed = await middle.ask("SELECT tenant, event, event_place FROM queue")
        assert set(owed) <= set(found)
        await check_lists(middle, events)
        await copied_with_a_break(middle, last)
        places = await last.ask("SELECT place, accepted FROM event ORDER BY place")
        assert [place for place, _ in places] == list(range(1, len(events) + 1))
        assert [accepted for _, accepted in places] == sorted(accepted for _, accepted in places)
        await check_lists(last, events)

    asyncio.run(check())
