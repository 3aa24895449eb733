"""What Python teams write today: one transaction per event, one task per delivery, one transaction per outcome.

The same endpoint, the same durable SQLite, the same TLS connections as `floor.py`; nothing is gathered.
"""

from __future__ import annotations

import asyncio

import apsw
import uvloop

from bench.common import pin
from bench.floor import (
    CONNECTIONS,
    DELETE_QUEUE,
    INSERT_EVENT,
    INSERT_LEDGER,
    INSERT_QUEUE,
    TABLES,
    Connection,
    Job,
    Target,
    door,
    options,
    serve,
)
from outrider.domain.delivery import STANDARD_SCHEDULE


class Store:
    """A transaction for each write, in a thread of the default executor, one at a time."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path)
        self._connection.execute(TABLES).fetchall()
        self._lock = asyncio.Lock()

    async def write(self, *jobs: Job) -> None:
        async with self._lock:
            await asyncio.to_thread(self._transaction, jobs)

    def _transaction(self, jobs: tuple[Job, ...]) -> None:
        with self._connection:
            for statement, rows in jobs:
                self._connection.executemany(statement, rows)


class Naive:
    def __init__(self, store: Store, target: Target) -> None:
        self._store = store
        self._target = target
        self._connections: asyncio.Queue[Connection] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last = 0

    async def start(self) -> None:
        for _ in range(CONNECTIONS):
            self._connections.put_nowait(await self._target.dial())

    async def accept(self, bodies: list[bytes]) -> None:
        for body in bodies:
            self._last += 1
            place = self._last
            await self._store.write((INSERT_EVENT, [(place, body)]), (INSERT_QUEUE, [(place,)]))
            task = asyncio.get_running_loop().create_task(self._deliver(place, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, place: int, body: bytes) -> None:
        for wait in (*STANDARD_SCHEDULE, 0):
            connection = await self._connections.get()
            if not connection.alive:
                connection = await self._target.dial()
            status = await connection.post(self._target.request(body))
            self._connections.put_nowait(connection)
            await self._store.write((INSERT_LEDGER, [(place, status)]))
            if 200 <= status < 300:
                break
            await asyncio.sleep(wait / 1000)
        await self._store.write((DELETE_QUEUE, [(place,)]))


async def _main() -> None:
    given = options("bench.naive")
    pin(given.core)
    naive = Naive(Store(given.store), Target(given.target, given.ca))
    await naive.start()
    await serve(door(naive.accept), given.port)


if __name__ == "__main__":
    uvloop.run(_main())
