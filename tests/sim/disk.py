"""Where a simulated world keeps things: SQLite in memory without threads, or a real PostgreSQL.

Either can be `away`, as a database that is gone. Every life of the simulated process gets a queue of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

import apsw

from outrider.domain.errors import StoreUnavailable
from outrider.ports.queue import Queue
from outrider.ports.system import About
from outrider.store.postgres import database as postgres
from outrider.store.sqlite.book import SqliteBook
from outrider.store.sqlite.database import migrate
from outrider.store.sqlite.jobs import SqliteJobs
from outrider.store.sqlite.ledger import SqliteLedger
from outrider.store.sqlite.queue import SqliteQueue
from outrider.store.sqlite.upkeep import SqliteUpkeep
from postgres import Postgres

if TYPE_CHECKING:
    from sim.world import LifeClock

ABOUT = About("simulated", 1, "0", (), 0)


class Disk(Protocol):
    away: bool
    clock: LifeClock
    book: Any
    ledger: Any
    jobs: Any
    upkeep: Any

    def queue(self, life: str) -> Queue: ...

    def close(self) -> None: ...


MakeDisk = Callable[["LifeClock"], Disk]  # given the simulation's clock


def on_postgres(server: Postgres) -> MakeDisk:
    """Each disk is a database of its own."""
    return lambda clock: PostgresDisk(server.database(), clock)


class SqliteDisk:
    def __init__(self, clock: LifeClock) -> None:
        self.clock = clock
        self.away = False
        self._connection = apsw.Connection(":memory:")
        migrate(self._connection)
        self.book = SqliteBook(self, self, clock)
        self.ledger = SqliteLedger(self, clock)
        self.jobs = SqliteJobs(self, self, clock)
        self.upkeep = SqliteUpkeep(self, self, clock.now)

    def queue(self, life: str) -> Queue:
        return SqliteQueue(self, self, life, self.clock.life)

    async def submit(self, job: Callable[[apsw.Connection], Any]) -> Any:
        await asyncio.sleep(0.001)
        if self.away:
            raise StoreUnavailable("simulated outage")
        with self._connection:
            return job(self._connection)

    async def read(self, job: Callable[[apsw.Connection], Any]) -> Any:
        return await self.submit(job)

    def close(self) -> None:
        self._connection.close()


class PostgresDisk:
    """The store works on an event loop and in a time of its own; the simulation stands still meanwhile.

    The database's clock is the simulation's.
    """

    def __init__(self, url: str, clock: LifeClock) -> None:
        self._url = url
        self.clock = clock
        self.away = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._opened: list[Any] = []
        first = self._open("life-0")
        self._do(first._writers.run(lambda connection: connection.execute(_CLOCK)))
        self.book, self.ledger, self.jobs, self.upkeep = (
            _Bridge(self, part) for part in (first.book, first.ledger, first.jobs, first.upkeep)
        )

    def queue(self, life: str) -> Queue:
        queue: Any = _Bridge(self, self._open(life).queue)
        return queue

    def call(self, name: str, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        if name in {"heartbeat", "tend"}:  # nothing else asks the database what time it is
            writers, now = self._opened[0]._writers, self.clock.now()
            self._do(writers.run(lambda connection: connection.execute("UPDATE virtual_time SET now = $1", now)))
        return self._do(make())

    def close(self) -> None:
        for database in self._opened[::-1]:
            self._do(database.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _open(self, life: str) -> Any:
        self._opened.append(self._do(self._opening(life)))
        return self._opened[-1]

    async def _opening(self, life: str) -> Any:
        """Nothing here is about durability, so no commit waits for the disk. One connection is enough, as one thing
        happens at a time, and so it is always the same."""
        database = await postgres.open_database(
            self._url, life, clock=self.clock, size=5, about=ABOUT, dispatches=True, keeps_house=True
        )
        await database._writers.run(lambda connection: connection.execute("SET synchronous_commit = off"))
        return database

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


class _Bridge:
    """A port of the store as the simulation sees it."""

    def __init__(self, disk: PostgresDisk, real: Any) -> None:
        self._disk = disk
        self._real = real

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self._real, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            await asyncio.sleep(0.001)
            if self._disk.away:
                raise StoreUnavailable("simulated outage")
            return self._disk.call(name, lambda: method(*arguments, **options))

        return call


_CLOCK = """
CREATE TABLE virtual_time (now bigint NOT NULL);
INSERT INTO virtual_time VALUES (0);
CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT now FROM virtual_time';
"""
