"""The SQLite store needs no directory but its own: in a hardened container no other can be written.

A virtual file system that opens nothing outside of that directory stands where SQLite's own would: unlike the
rights of a directory it holds for root as well. SQLite asks it for a temporary file without a name, and puts that
wherever a directory for such files can be written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from conformance.conftest import TENANT as T
from conformance.conftest import OnSqlite
from outrider.app.copying import copy
from outrider.domain.delivery import Line, Step
from outrider.domain.ids import uuid7
from outrider.domain.job import JobKind, Selection
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import Settlement
from outrider.store.sqlite.backup import back_up
from outrider.store.sqlite.contents import open_contents
from outrider.store.sqlite.database import PRAGMAS, connect, migrate, migrations

MANY = 4_000
BATCH = 500
LATER = 10**13


class OneDirectory(apsw.VFS):
    """SQLite's file system, but for what is outside of one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.refused: list[str] = []
        super().__init__("one-directory", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or not Path(path).is_relative_to(self._directory):
            self.refused.append(path or "a temporary file")
            raise apsw.CantOpenError(f"{path} is not in the store's directory")
        return super().xOpen(name, flags)


@pytest.fixture
def one_directory(tmp_path: Path) -> Iterator[OneDirectory]:
    made = OneDirectory(tmp_path)
    yield made
    made.unregister()


@pytest.fixture
def store(one_directory: OneDirectory, tmp_path: Path) -> Iterator[OnSqlite]:
    with asyncio.Runner() as runner:
        made = OnSqlite(tmp_path, runner.run)
        yield made
        made.close()


def fill(store: OnSqlite) -> None:
    """Ids in no order and rows of some size, so that a batch touches many pages."""
    for first in range(0, MANY, BATCH):
        ids = [uuid7(n * 7_919 % MANY + 1, n.to_bytes(10, "big")) for n in range(first, first + BATCH)]
        store.accept(*ids, body=b'"' + b"x" * 400 + b'"')


def test_the_seam_refuses(one_directory: OneDirectory, tmp_path: Path) -> None:
    """That the tests below can fail."""
    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.execute("PRAGMA cache_size = 10; CREATE TABLE t (a)")
    connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000)"
        "INSERT INTO t SELECT randomblob(99) FROM n"
    )
    with pytest.raises(apsw.CantOpenError):
        connection.execute("CREATE INDEX sorted ON t (a)")
    connection.close()
    assert one_directory.refused


def test_batches(store: OnSqlite, one_directory: OneDirectory) -> None:
    fill(store)
    claimed = store.run(store.queue.claim(T, "w", 2_000, LATER))
    assert len(claimed) == 2_000
    steps = [Step(Line.DELIVERED, 1, None), Step(Line.ATTEMPTED, 1, LATER), Step(Line.EXHAUSTED, 1, None)]
    outcomes = [Settlement(d, steps[n % 3], 50, "status 500") for n, d in enumerate(claimed[:1_500])]
    assert not store.run(store.queue.settle(outcomes)).lost
    assert store.run(store.queue.release(claimed[1_500:1_600])) == 100
    rest = store.other_process("after a restart")
    assert store.run(rest.heartbeat(6_000)).released == 400
    version = store.version()
    store.run(store.book.delete_webhook(T, "w", 1, version))
    assert store.run(store.queue.cancel(T, "w", 2_000, 60)) == 2_000
    store.run(store.database.upkeep.tend(LATER))
    assert one_directory.refused == []


def test_reads(store: OnSqlite, one_directory: OneDirectory) -> None:
    fill(store)
    claimed = store.run(store.queue.claim(T, "w", 2_000, LATER))
    store.run(store.queue.settle([Settlement(d, Step(Line.EXHAUSTED, 1, None), 50, "x") for d in claimed]))
    for query in (DeliveryQuery(), DeliveryQuery(subject="u"), DeliveryQuery(webhook="w", type="Login")):
        assert len(store.run(store.ledger.deliveries(T, query, None, MANY))) == MANY
    assert len(store.run(store.ledger.events(T, EventQuery(subject="u"), None, MANY))) == MANY
    for kind in JobKind:
        selection = Selection(kind, T, "w", events=("Login",))
        place, end = store.run(store.database.jobs.bounds(selection))
        store.run(store.database.jobs.stretch(selection, place, end))
    assert one_directory.refused == []


MANY_EVENTS = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 80000)
    INSERT INTO event (tenant, id, type, time, accepted, body, fingerprint)
    SELECT 1, hex(randomblob(16)), 'Login', i, abs(random()) % 1000000000000, x'7b7d', x'00' FROM n"""


def test_backup_and_copy(
    store: OnSqlite, one_directory: OneDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that is small makes SQLite sort in files as soon as it does for larger stores."""
    monkeypatch.setitem(PRAGMAS, "cache", "PRAGMA cache_size = 10")
    fill(store)
    store.run(store.database.writer.submit(lambda connection: connection.execute(MANY_EVENTS)))
    back_up(tmp_path / "outrider.db", tmp_path / "backup.db", lambda *_: None)

    async def move() -> None:
        source = await open_contents(str(tmp_path / "backup.db"), "source", to_write=False)
        target = await open_contents(str(tmp_path / "copy.db"), "target", to_write=True)
        await copy(source, target, copied=lambda *_: None, compared=lambda *_: None)
        await source.close()
        await target.close()

    store.run(move())
    assert one_directory.refused == []


def test_migrations_of_large_tables(one_directory: OneDirectory, tmp_path: Path) -> None:
    """Which write tables anew and sort indexes."""
    connection = connect(str(tmp_path / "a.db"))
    with connection:
        for number, script in enumerate(migrations()[:5], start=1):
            connection.execute(script.read_text(encoding="utf-8"))
            connection.pragma("user_version", number)
    connection.execute("INSERT INTO tenant (id, api_key, document) VALUES ('t', 'k', x'00')")
    connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000)"
        "INSERT INTO event (tenant, id, type, subject, time, accepted, body, fingerprint)"
        "SELECT 't', hex(randomblob(16)), 'Login', hex(randomblob(16)), i, i, randomblob(200), x'00' FROM n"
    )
    migrate(connection)
    assert connection.execute("SELECT count(*) FROM event WHERE tenant = 1").get == 200_000
    connection.close()
    assert one_directory.refused == []
