"""What PostgreSQL is made to do over time: plans at a backlog, partitions, retention, warnings."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import asyncpg
import pytest

from conformance.conftest import TENANT, OnPostgres
from outrider.dispatch import housekeeping
from outrider.domain.clock import DAY
from outrider.domain.errors import StoreUnavailable
from outrider.observe.clock import SystemClock
from outrider.ports.ledger import DeliveryQuery
from outrider.store.postgres import floors, upkeep
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.postgres.rows import SQL, columns
from outrider.store.postgres.spans import first_place
from store.conftest import execute, settled

LATER = 10**13


# Plans


def test_the_hot_path_reads_by_index_however_long_the_queue(either: OnPostgres) -> None:
    """Without statistics and with them, right after the queue has grown."""
    for first in range(0, 6_000, 1_000):
        either.accept(*(f"e{n:05}" for n in range(first, first + 1_000)))
    execute(either, "UPDATE queue SET lease = 'process-1' WHERE id < 'd-e03'")
    keys = [(TENANT, f"d-e{n:05}") for n in range(0, 2_000, 10)]
    outcomes = [(*key, True, 1, None, 200, "ok", 5, "delivered", None) for key in keys]
    statements = {
        "look": ([TENANT], *columns([(TENANT, f"e{n:05}") for n in range(200)], 2), 200),
        "settle": ("process-1", *columns(outcomes, 10)),
        "claim": ("process-1", TENANT, "w", LATER, 200, 0),
        "release": ("process-1", *columns(keys, 2)),
        "promote": ("process-1", *columns([(TENANT, "w", "u")], 3)),
        "behind": tuple(columns([(TENANT, "w", "u")], 3)),
        "backlogs": (),
        "cancel": (TENANT, "w", 500, 5),
    }
    for _ in range(2):
        for name, bindings in statements.items():
            plan = "\n".join(row[0] for row in execute(either, f"EXPLAIN {SQL[name]}", *bindings))
            for table in ("queue", "event_id", "event_default", "tenant", "webhook"):
                assert f"Seq Scan on {table}" not in plan, (name, plan)
        execute(either, "ANALYZE")


def test_an_old_snapshot_slows_no_claim(store: OnPostgres, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entry of what was claimed stays in the index while somebody looks at the past."""
    key = (TENANT, "w")
    many = 6_000

    async def held() -> Any:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await connection.fetchval("SELECT count(*) FROM queue")
        return connection

    snapshot = store.run(held())
    for first in range(0, many, 100):
        store.accept(*(f"e{n:05}" for n in range(first, first + 100)))
    monkeypatch.setattr(floors, "SLOW_S", 0.0)  # every look counts as slow
    seen = 0
    while seen < many:
        found = store.run(store.queue.claim(TENANT, "w", 200, LATER))
        seen += len(found)
        assert store.run(store.queue.settle([settled(d) for d in found])).lost == frozenset()
    floor = store.queue._floors._floors[key]
    assert floor > 1_000
    touched = [_touched(store, floor) for floor in (0, floor)]
    assert touched[1] * 5 < touched[0], touched

    # What is due later is seen at once, and what is due earlier before long.
    store.accept("later")
    fresh = store.run(store.queue.claim(TENANT, "w", 200, LATER))
    assert [d.id for d in fresh] == ["d-later"]
    store.run(snapshot.close())
    execute(store, "UPDATE queue SET due = 5, lease = NULL")
    deadline = time.monotonic() + 5
    while not (again := store.run(store.queue.claim(TENANT, "w", 200, LATER))):
        assert time.monotonic() < deadline
        store.run(asyncio.sleep(0.01))
    assert [d.id for d in again] == ["d-later"]


def _touched(store: OnPostgres, floor: int) -> int:
    """Pages that a claim from this instant on looks at."""
    statement = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {SQL['claim']}"
    (row,) = execute(store, statement, "nobody", TENANT, "w", LATER, 200, floor)
    found = json.loads(row[0])[0]["Plan"]
    return int(found["Shared Hit Blocks"] + found["Shared Read Blocks"])


# Partitions


def partitions(store: OnPostgres, parent: str) -> list[str]:
    rows = execute(
        store,
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = $1::text::regclass ORDER BY 1",
        parent,
    )
    return [row[0] for row in rows]


def test_days_are_made_ahead_and_dropped_whole(store: OnPostgres) -> None:
    store.run(store.database.upkeep.tend(None))
    now = execute(store, NODE["now"])[0][0]
    days = [time.strftime("%Y%m%d", time.gmtime((now + ahead * DAY) / 1000)) for ahead in range(-1, 4)]
    for parent in ("event", "ledger"):
        assert set(partitions(store, parent)) >= {f"{parent}_{day}" for day in days}
    store.clock = now
    store.accept("today", skip=True)
    assert execute(store, "SELECT count(*) FROM event_default")[0][0] == 0
    assert execute(store, f"SELECT count(*) FROM event_{days[1]}")[0][0] == 1
    assert execute(store, f"SELECT count(*) FROM ledger_{days[1]}")[0][0] == 1
    assert store.run(store.database.upkeep.warnings()) == []

    store.run(store.database.upkeep.tend(now + 2 * DAY))
    for parent in ("event", "ledger"):
        assert f"{parent}_{days[1]}" not in partitions(store, parent)
        assert f"{parent}_{days[3]}" in partitions(store, parent)
    assert execute(store, "SELECT count(*) FROM event_id")[0][0] == 0


def test_an_id_given_again_outlives_the_day_it_was_first_given(store: OnPostgres) -> None:
    """Retention stopped between the ids of a day and the day itself, and goes on after the id was used again."""
    store.run(store.database.upkeep.tend(None))
    now = execute(store, NODE["now"])[0][0]
    store.make_days(now // DAY * DAY - 9 * DAY)
    store.clock = now - 9 * DAY
    store.accept("twice", "once", skip=True)
    day = (now - 9 * DAY) // DAY * DAY
    assert execute(store, upkeep.SQL["forget_ids"], "", 0, first_place(day), first_place(day + DAY))
    assert execute(store, "SELECT count(*) FROM event_id")[0][0] == 0
    store.clock = now
    store.accept("twice", skip=True)
    store.run(store.database.upkeep.tend(now - 3 * DAY))
    assert [row[0] for row in execute(store, "SELECT id FROM event_id")] == ["twice"]
    assert store.event("twice").accepted > now


def test_what_holds_up_retention_is_told(store: OnPostgres) -> None:
    store.run(store.database.upkeep.tend(None))
    store.accept("old")  # of 1970, so it lies in no day's partition
    store.run(store.database.upkeep.tend(30 * DAY))
    told = store.run(store.database.upkeep.warnings())
    assert any("events since 1970-01-01 are kept beyond the retention time" in one for one in told)
    assert any("lie outside every day's partition" in one for one in told)
    (delivery,) = store.run(store.queue.claim(TENANT, "w", 1, LATER))
    store.run(store.queue.settle([settled(delivery)]))
    store.run(store.database.upkeep.tend(30 * DAY))
    assert store.run(store.database.upkeep.warnings()) == []
    assert store.run(store.ledger.deliveries(TENANT, DeliveryQuery(), None, 10)) == []


def test_an_old_snapshot_is_told_in_the_log(store: OnPostgres, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "OLD_SNAPSHOT", 1)
    monkeypatch.setattr(housekeeping, "ROUND_S", 0.01)
    monkeypatch.setattr(housekeeping, "LOOK_EVERY", 1)
    service = housekeeping.Housekeeping(store.queue, store.database.upkeep, SystemClock(), None)

    async def watched() -> None:
        snapshot = await asyncpg.connect(url)
        async with snapshot.transaction(isolation="repeatable_read"):
            await snapshot.fetchval("SELECT count(*) FROM queue")
            told = asyncio.Event()
            monkeypatch.setattr(
                housekeeping.log, "warning", lambda *said: "a snapshot is" in said[1] and told.set()
            )
            running = asyncio.create_task(service.run())
            await asyncio.wait_for(told.wait(), 10)
            running.cancel()
        await snapshot.close()

    store.run(watched())


def test_one_process_keeps_house(store: OnPostgres, url: str) -> None:
    async def kept() -> Any:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN")
        assert await connection.fetchval(NODE["one_housekeeper"])
        return connection

    house = store.run(kept())
    store.run(store.database.upkeep.tend(None))
    assert partitions(store, "event") == ["event_default"]
    store.run(house.close())
    store.run(store.database.upkeep.tend(None))
    assert len(partitions(store, "event")) == 6


def test_a_long_reader_delays_upkeep_and_not_intake(store: OnPostgres, url: str) -> None:
    """Making a partition needs the table for itself: it gives up soon, and the next round tries again."""

    async def reading() -> Any:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE event IN ACCESS SHARE MODE")
        return connection

    reader = store.run(reading())

    async def both() -> tuple[Any, float]:
        tending = asyncio.create_task(store.database.upkeep.tend(None))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await store.queue.accept(store_acceptance)
        return (await asyncio.gather(tending, return_exceptions=True))[0], time.monotonic() - started

    store_acceptance = store.acceptance("e1")
    tended, waited = store.run(both())
    store.run(reader.close())
    if isinstance(tended, BaseException):
        assert isinstance(tended, StoreUnavailable)
    assert waited < 2.5
    store.run(store.database.upkeep.tend(None))
    assert len(partitions(store, "event")) == 6


def test_a_whole_look_is_never_long_in_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    found, key = floors.Floors(), (TENANT, "w")
    assert (found.floor(key), found.all()) == (0, {})
    found.looked(key, 61.0, whole=True, earliest={key: 7})
    found.looked(None, 61.0, whole=True, earliest={key: 5, (TENANT, "v"): 6})
    assert (found.floor(key), found.all()) == (5, {key: 5, (TENANT, "v"): 6})
    found.looked(key, 0.001, whole=False, earliest={key: 9})
    assert found.floor(key) == 9
    now += floors.LONGEST_S
    assert (found.floor(key), found.all()) == (0, {})
    found.looked(key, 0.001, whole=True, earliest={key: 9})
    found.looked(None, 0.001, whole=True, earliest={key: 9})
    now -= floors.LONGEST_S
    assert (found.floor(key), found.all()) == (0, {})


def test_what_ends_while_a_list_is_read_is_shown_once(store: OnPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the page is as full as it was to be, or the list would seem to be at its end."""
    made = [store.accept(f"e{number}", lease=True).deliveries[0] for number in range(6)]
    ledger = store.database.ledger
    read = ledger._read

    async def and_then_they_end(kind: str, *arguments: Any) -> list[Any]:
        found = await read(kind, *arguments)
        if kind == "waiting":
            await store.queue.settle([settled(d) for d in (made[5], made[3])])
        return found

    monkeypatch.setattr(ledger, "_read", and_then_they_end)
    rows = store.run(ledger.deliveries(TENANT, DeliveryQuery(), None, 4))
    assert [(row.event, row.state) for row in rows] == [
        ("e5", "delivered"), ("e4", "waiting"), ("e3", "delivered"), ("e2", "waiting"),
    ]  # fmt: skip
