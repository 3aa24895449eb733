"""When SQLite's write-ahead log is written back: by the writer, after it has answered."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from outrider.store.sqlite import wal
from outrider.store.sqlite.database import connect
from outrider.store.sqlite.writer import Writer

PAGE = 4096


def table(path: Path) -> apsw.Connection:
    connection = connect(str(path))
    connection.execute("CREATE TABLE filler (bytes BLOB)")
    connection.wal_checkpoint()
    return connection


def filling(pages: int) -> Callable[[apsw.Connection], None]:
    def job(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (pages * PAGE,))

    return job


def rows_without_the_log(path: Path) -> int | None:
    """What the file alone holds: the rows that were written back. None when it was caught in the middle of that."""
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    with apsw.Connection(str(alone), flags=apsw.SQLITE_OPEN_READONLY) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM filler").get)
        except apsw.CorruptError:
            return None


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_a_quiet_moment_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = Writer(table(path))

    async def check() -> None:
        await writer.submit(filling(wal.ENOUGH // 2))
        assert rows_without_the_log(path) == 0  # a short log is left alone
        await writer.submit(filling(wal.ENOUGH))
        await until(lambda: rows_without_the_log(path) == 2)
        await writer.close()

    asyncio.run(check())


def test_a_writer_that_is_never_quiet_keeps_the_log_short(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = Writer(table(path))
    piece, pieces = 200, 100

    async def check() -> None:
        # All wait from the start, and only one fits into a group, so that no moment is quiet.
        await asyncio.gather(*(writer.submit(filling(piece)) for _ in range(pieces)))
        log = path.with_name("a.db-wal").stat().st_size // PAGE
        await writer.close()
        assert log < piece * pieces / 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("outrider.store.sqlite.writer.GROUP", 1)
        asyncio.run(check())


def test_commits_go_on_when_it_cannot_be_written_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As on a disk with errors in the file and none in the log."""
    path = tmp_path / "a.db"
    disk = FailingDisk()
    table(path).close()
    connection = apsw.Connection(str(path), vfs=disk.vfs_name)
    connection.pragma("journal_mode", "wal")
    writer = Writer(connection)
    tries = 0

    def failing() -> bool:
        nonlocal tries
        tries += 1
        return True

    async def check() -> None:
        disk.fails = failing
        for number in range(3):
            await writer.submit(filling(wal.ENOUGH))
            await until(lambda seen=number: tries > seen)
        disk.fails = lambda: False
        await writer.submit(filling(1))
        await until(lambda: rows_without_the_log(path) == 4)
        await writer.close()
        connection.close()

    with caplog.at_level(logging.WARNING, "outrider.store"):
        asyncio.run(check())
    assert [record.getMessage() for record in caplog.records] == [
        "the write-ahead log cannot be written back and grows: IOError"
    ]


class FailingDisk(apsw.VFS):
    """Writes to the database file itself fail while `fails()` says so."""

    def __init__(self) -> None:
        self.vfs_name = "failing"
        self.fails: Callable[[], bool] = lambda: False
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: object, flags: list[int]) -> None:
        self._disk = disk
        self._is_database = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        if self._is_database and self._disk.fails():
            raise apsw.IOError("the disk has an error")
        super().xWrite(data, offset)
