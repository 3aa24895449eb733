"""What is particular to the SQLite file: its lock, its durability, its limits."""

import asyncio
import stat
import threading
from pathlib import Path

import apsw
import pytest

from clocks import SetClock
from outrider.domain.custom_object import CustomObject, ObjectChange
from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.domain.model import Acceptance, Event, Tenant
from outrider.ports.objects import ObjectMoved
from outrider.ports.system import About
from outrider.store.sqlite.database import SqliteDatabase, connect, migrate, migrations, open_database


def opened(path: Path, incarnation: str = "one") -> SqliteDatabase:
    return asyncio.run(open_database(str(path), incarnation, clock=SetClock(), about=About("h", 1, "0", (), 0)))


def test_one_process_at_a_time(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")
    with pytest.raises(ConfigError) as refused:
        opened(tmp_path / "a.db", "two")
    assert refused.value.field == "OUTRIDER_STORE"
    asyncio.run(database.close())
    asyncio.run(opened(tmp_path / "a.db", "two").close())


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path / "a.db").close())
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path / "a.db").close())
    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.pragma("user_version", 999)
    connection.close()
    with pytest.raises(ConfigError) as refused:
        opened(tmp_path / "a.db")
    assert refused.value.given == "version 999"


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError):
        opened(tmp_path / "a.db")


def test_commits_are_durable_and_lines_stay(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")

    def look(connection: apsw.Connection) -> tuple[object, object]:
        return connection.pragma("synchronous"), connection.pragma("journal_mode")

    def tamper(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO ledger (tenant, at, line, event) VALUES (1, 1, 'skipped', 'e')")
        connection.execute("UPDATE ledger SET at = 2")

    async def check() -> None:
        assert await database.writer.submit(look) == (2, "wal")
        with pytest.raises(apsw.ConstraintError, match="never changed"):
            await database.writer.submit(tamper)
        await database.close()

    asyncio.run(check())


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")

    def limit(pages: int) -> object:
        return lambda connection: connection.pragma("max_page_count", pages)

    async def check() -> None:
        await database.writer.submit(limit(1))  # SQLite raises it to the present size
        with pytest.raises(StoreUnavailable):
            await database.book.add_tenant(Tenant("large", "x" * 400_000, "large", "s", 0))
        before = len(await database.book.tenants())
        await database.writer.submit(limit(1_000_000))
        await database.book.add_tenant(Tenant("after", "t", "after", "s", 0))
        assert len(await database.book.tenants()) == before + 1
        await database.close()
        with pytest.raises(StoreUnavailable):
            await database.book.add_tenant(Tenant("closed", "t", "closed", "s", 0))

    asyncio.run(check())


def test_a_refused_change_leaves_its_group_the_shared_commit(tmp_path: Path) -> None:
    """So that a record many change at once does not cost everybody the group commit."""
    database = opened(tmp_path / "a.db")
    commits: list[int] = []
    held = threading.Event()

    def telling(number: int, revision: int) -> Acceptance:
        event = Event(f"e{number}", "t", "UpdateCustomObject", "u", None, 1, 1, b"{}", b"f")
        record = CustomObject(f"r{number}", "t", "u", "o", b"", 1, 1, revision)
        return Acceptance("t", 1, (event,), (), (), objects=(ObjectChange(record),))

    def watch(connection: apsw.Connection) -> None:
        connection.set_commit_hook(lambda: commits.append(1) or False)

    async def check() -> None:
        await database.book.add_tenant(Tenant("t", "t", "key", "s", 0))
        await database.writer.submit(watch)
        commits.clear()
        first = asyncio.create_task(database.writer.submit(lambda _: held.wait(10)))
        changes = [telling(n, 2 if n == 10 else 1) for n in range(20)]
        rest = asyncio.gather(*map(database.queue.accept, changes), return_exceptions=True)
        await asyncio.sleep(0)  # all are waiting in the writer now
        held.set()
        assert await first
        results = await rest
        assert [n for n, result in enumerate(results) if isinstance(result, ObjectMoved)] == [10]
        assert len(await database.objects.records("t", "u", "o")) == 19
        assert await database.ledger.event("t", "e10") is None
        assert len(commits) <= 2  # what held the writer, perhaps with some of them, and the rest
        await database.close()

    asyncio.run(check())


def test_tenants_get_numbers_and_nothing_else_changes(tmp_path: Path) -> None:
    """A file from before `0006_numbers.sql`; places go on where they were, though the last rows are gone."""
    file = str(tmp_path / "a.db")
    connection = connect(file)
    for number, script in enumerate(migrations()[:5], start=1):
        connection.execute(script.read_text(encoding="utf-8"))
        connection.pragma("user_version", number)
    for n, tenant in enumerate(("t2", "t1"), start=1):
        connection.execute("INSERT INTO tenant (id, api_key, document) VALUES (?1, ?1, x'00')", (tenant,))
        connection.execute(
            "INSERT INTO event (tenant, id, type, subject, time, accepted, body, fingerprint, book)"
            " VALUES (?1, 'e', 'Login', 's' || ?2, 1, ?2, x'7b7d', x'00', 1)",
            (tenant, n),
        )
        connection.execute(
            "INSERT INTO queue (id, tenant, webhook, event, type, attempts, created, due, order_key, held)"
            " VALUES ('d' || ?2, ?1, 'w', 'e', 'Login', 0, ?2, ?2, 'k', 1)",
            (tenant, n),
        )
        connection.execute("INSERT INTO ledger (tenant, at, line, event) VALUES (?, 1, 'skipped', 'e')", (tenant,))
    connection.execute("UPDATE sqlite_sequence SET seq = 70")
    before = contents(connection)
    migrate(connection)
    ids = dict(connection.execute("SELECT number, id FROM tenant"))
    assert ids == {1: "t1", 2: "t2"}
    after = contents(connection)
    assert [[row | {"tenant": ids[row["tenant"]]} for row in rows] for rows in after] == before
    for columns, values in (
        ("event (tenant, id, type, time, accepted, body, fingerprint)", "1, 'f', 'Login', 1, 1, x'', x''"),
        ("ledger (tenant, at, line, event)", "1, 1, 'skipped', 'f'"),
    ):
        connection.execute(f"INSERT INTO {columns} VALUES ({values})")
        assert connection.last_insert_rowid() == 71
    connection.close()


def contents(connection: apsw.Connection) -> list[list[dict[str, object]]]:
    """The rows of the large tables by column."""
    found = []
    for table in ("event", "queue", "ledger"):
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1")
        found.append([dict(zip(columns, row, strict=True)) for row in rows])
    return found
