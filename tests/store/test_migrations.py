"""Migrations on PostgreSQL: what may come before, what has to wait, and who may not start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clocks import SetClock
from conformance.conftest import ABOUT
from outrider.dispatch import heartbeat, services
from outrider.dispatch.lease import Lease, Peers
from outrider.domain.errors import ConfigError, StoreTooNew
from outrider.ports.queue import Pulse
from outrider.store.postgres import database as on_postgres
from outrider.store.postgres.connections import Connections, connect, parse_url
from outrider.store.postgres.migrate import Migration, finish, migrate, migrations
from outrider.store.postgres.nodes import SQL as NODE
from postgres import Postgres

FILES = {
    "0001_first.sql": "CREATE TABLE thing (id integer)",
    "0002_wide.sql": "ALTER TABLE thing ADD COLUMN name text",
    "0003_narrow.after.sql": "ALTER TABLE thing DROP COLUMN id",
    "0004_more.sql": "CREATE TABLE more (id integer)",
}


@pytest.fixture
def run() -> Iterator[Any]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def url(postgres_server: Postgres) -> str:
    return postgres_server.database()


def known(folder: Path, count: int) -> list[Migration]:
    """This version's migrations and the first few of the files above, numbered on."""
    own = migrations()
    for name, script in list(FILES.items())[:count]:
        (folder / name).write_text(script)
    return own + [Migration(len(own) + m.number, m.after, m.script) for m in migrations(folder)]


async def applied(connections: Connections) -> list[int]:
    return [row[0] for row in await connections.run(lambda c: c.fetch("SELECT number FROM migration ORDER BY 1"))]


async def beating(connections: Connections, name: str, schema: int) -> None:
    about = f'{{"schema": {schema}}}'
    await connections.run(lambda c: c.fetch(NODE["beat"], name, True, about, schema))


def test_files_are_numbered_without_gaps() -> None:
    found = on_postgres.migrations()
    assert [m.number for m in found] == list(range(1, len(found) + 1))
    assert not found[0].after


def test_what_has_to_wait_waits_for_everybody(run: Any, url: str, tmp_path: Path) -> None:
    async def play() -> None:
        connections = await connect(parse_url(url), 2)
        own = len(migrations())
        try:
            await beating(connections, "old", own + 2)
            await beating(connections, "new", own + 4)
            all_four = known(tmp_path, 4)
            assert await migrate(connections, all_four) == 3
            assert await finish(connections, all_four) == 0
            assert await applied(connections) == [*range(1, own + 3), own + 4]
            await beating(connections, "old", own + 2)  # nothing is taken from it, so it lives on
            await connections.run(lambda c: c.execute(NODE["leave"], "old"))
            assert await finish(connections, all_four) == 1
            assert await applied(connections) == list(range(1, own + 5))
            assert await finish(connections, all_four) == 0
            row = await connections.run(lambda c: c.fetchrow(NODE["beat"], "old", True, "{}", own + 2))
            assert row["too_new"]
            peers = await connections.run(lambda c: c.fetch(NODE["peers"]))
            assert [peer[0] for peer in peers] == ["new"]
        finally:
            await connections.close()

    run(play())


def test_an_empty_store_waits_for_nobody(run: Any, postgres_server: Postgres, tmp_path: Path) -> None:
    async def play() -> None:
        connections = await connect(parse_url(postgres_url), 2)
        try:
            everything = known(tmp_path, 4)
            assert await migrate(connections, everything) == len(everything)
        finally:
            await connections.close()

    postgres_url = postgres_server.empty_database()
    run(play())


def test_a_migration_that_fails_leaves_nothing(run: Any, url: str) -> None:
    async def play() -> None:
        connections = await connect(parse_url(url), 2)
        own = migrations()
        number = len(own) + 1
        broken = Migration(number, False, "CREATE TABLE half (id integer); SELECT 1 / 0")
        try:
            with pytest.raises(Exception, match="division by zero"):
                await migrate(connections, [*own, broken])
            assert await applied(connections) == list(range(1, number))
            assert await connections.run(lambda c: c.fetchval("SELECT to_regclass('half')")) is None
        finally:
            await connections.close()

    run(play())


def test_older_than_the_store_does_not_start(run: Any, url: str, tmp_path: Path) -> None:
    async def play() -> None:
        connections = await connect(parse_url(url), 2)
        await migrate(connections, known(tmp_path, 2))
        await connections.close()
        await on_postgres.open_database(
            url, "old", clock=SetClock(), size=5, about=ABOUT, dispatches=True, keeps_house=True
        )

    with pytest.raises(ConfigError) as refused:
        run(play())
    assert refused.value.field == "OUTRIDER_STORE"
    assert refused.value.given == f"version {len(migrations()) + 2}"


def test_whoever_was_left_behind_beats_no_more(run: Any, url: str, tmp_path: Path) -> None:
    """And is known from its start, before its first beat."""

    async def play() -> None:
        old = await on_postgres.open_database(
            url, "old", clock=SetClock(), size=5, about=ABOUT, dispatches=True, keeps_house=True
        )
        connections = await connect(parse_url(url), 2)
        three = known(tmp_path, 3)
        try:
            await migrate(connections, three)
            assert await finish(connections, three) == 0
            await old.queue.heartbeat(20_000)
            await connections.run(lambda c: c.execute(NODE["leave"], "old"))  # as whoever buries it does
            await beating(connections, "new", len(three))
            assert await finish(connections, three) == 1
            with pytest.raises(StoreTooNew):
                await old.queue.heartbeat(20_000)
        finally:
            await connections.close()
            await old.close()

    run(play())


def test_whoever_was_left_behind_says_so_once(
    run: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And goes on when the store is put back."""
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.02)
    monkeypatch.setattr(services, "RESTART_S", 0.02)
    lease = Lease()

    async def play() -> None:
        old = await on_postgres.open_database(
            url, "old", clock=SetClock(), size=5, about=ABOUT, dispatches=True, keeps_house=True
        )
        beats = 0
        renewed = asyncio.Event()

        class Counted:
            async def heartbeat(self, _: int) -> Pulse:
                nonlocal beats
                beats += 1
                return await old.queue.heartbeat(20_000)

        async def beaten(times: int) -> None:
            while beats < times:  # noqa: ASYNC110 - the count is what is waited for
                await asyncio.sleep(0.01)

        beating_on = heartbeat.Heartbeat(
            Counted(), lease, Peers(), SetClock(), renewed=renewed.set, freed=lambda: None, lost=old.queue.release
        )
        service = asyncio.get_running_loop().create_task(services.kept_running(beating_on.run))
        connections = await connect(parse_url(url), 2)
        try:
            await asyncio.wait_for(renewed.wait(), 10)
            await connections.run(lambda c: c.execute("INSERT INTO migration (number, after) VALUES (99, true)"))
            await asyncio.wait_for(beaten(beats + 8), 10)
            told = [record for record in caplog.records if record.levelno >= logging.WARNING]
            assert [(record.name, record.exc_info) for record in told] == [("outrider.heartbeat", None)]
            assert "start this node with the new version" in told[0].getMessage()
            renewed.clear()
            await connections.run(lambda c: c.execute("DELETE FROM migration WHERE number = 99"))
            await asyncio.wait_for(renewed.wait(), 10)
            assert lease.held
        finally:
            service.cancel()
            await asyncio.wait([service])
            await connections.close()
            await old.close()

    run(play())


def test_many_first_starts_at_once(run: Any, postgres_server: Postgres) -> None:
    async def play() -> None:
        opening = (
            on_postgres.open_database(
                url, f"n{n}", clock=SetClock(), size=5, about=ABOUT, dispatches=True, keeps_house=True
            )
            for n in range(6)
        )
        opened = await asyncio.gather(*opening)
        assert await applied(opened[0]._writers) == list(range(1, len(migrations()) + 1))
        for database in opened:
            await database.close()

    url = postgres_server.empty_database()
    run(play())
