"""`ports.neighbours.Neighbours` on PostgreSQL: changes by polling, hints by NOTIFY.

NOTIFY takes a lock over the whole database when it commits, so it is sent at most twenty times a second by a
process, and never inside a transaction of intake.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec

from outrider.domain.breaker import Health
from outrider.domain.errors import StoreUnavailable
from outrider.domain.outage import Outage
from outrider.ports.neighbours import Changes
from outrider.store.postgres.connections import CONNECT_S, GONE, Connections, Url
from outrider.store.postgres.nodes import SQL

log = logging.getLogger("outrider.store")
CHANNEL = "outrider"
HINT_EVERY_S = 0.05
AGAIN_S = 2.0
OVERLAP = 15_000  # ms: longer than a transaction may take between its change and its commit


class PostgresNeighbours:
    def __init__(self, connections: Connections, url: Url, incarnation: str) -> None:
        self._connections = connections
        self._url = url
        self._incarnation = incarnation
        self._hinted = asyncio.Event()
        self._outage = Outage()

    async def changes(self, since: int) -> Changes:
        async def work(connection: Any) -> Changes:
            at = await connection.fetchval(SQL["now"])
            tenants = await connection.fetch(SQL["changed_tenants"], since)
            healths = await connection.fetch(SQL["foreign_healths"], since, self._incarnation)
            return Changes(
                at - OVERLAP,
                {row[0]: row[1] for row in tenants},
                {row[0]: msgspec.msgpack.decode(row[1], type=Health) for row in healths},
            )

        return await self._connections.run(work)

    def hint(self) -> None:
        self._hinted.set()

    async def exchange(self, heard: Callable[[], None]) -> None:
        """Behind a pooler nobody can listen, so nobody is notified either: polling alone finds what waits."""
        if self._url.pooled:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._send())
            both.create_task(self._listen(heard))

    async def _send(self) -> None:
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            try:
                await self._connections.run(lambda connection: connection.execute(SQL["notify"]))
            except StoreUnavailable as error:
                log.debug("a hint was not sent: %s", error)  # it is only a hint
            await asyncio.sleep(HINT_EVERY_S)

    async def _listen(self, heard: Callable[[], None]) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            try:
                await self._listen_once(heard)
            except GONE as error:
                if told := self._outage.failed(type(error).__name__, clock()):
                    log.info("hints of other processes are not heard for now: %s", told)
            await asyncio.sleep(AGAIN_S)

    async def _listen_once(self, heard: Callable[[], None]) -> None:
        connection = await asyncpg.connect(self._url.dsn, timeout=CONNECT_S)
        over = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: over.set())
            await connection.add_listener(CHANNEL, lambda *_: heard())
            await over.wait()
        finally:
            connection.terminate()
