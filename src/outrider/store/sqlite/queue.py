"""`ports.queue.Queue` on SQLite."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import apsw

from outrider.domain.breaker import Health
from outrider.domain.clock import Anchor
from outrider.domain.delivery import Line
from outrider.domain.model import Acceptance, Delivery
from outrider.domain.readiness import Unready
from outrider.ports.book import StaleBook
from outrider.ports.clock import Clock, moment
from outrider.ports.queue import Backlog, Pulse, Receipt, Settled, Settlement
from outrider.store.acceptances import Acceptances
from outrider.store.documents import read_document
from outrider.store.readiness import Readiness
from outrider.store.sqlite.rows import SQL, read_delivery, store_all
from outrider.store.sqlite.settlements import settle, webhook_names
from outrider.store.sqlite.writer import Writer

T = TypeVar("T")


class Reads(Protocol):
    """Runs a job in one read transaction."""

    async def read(self, job: Callable[[apsw.Connection], T]) -> T: ...


class SqliteQueue:
    """The queue as the process `incarnation` sees it."""

    def __init__(self, writer: Writer, readers: Reads, incarnation: str, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._incarnation = incarnation
        self._clock = clock
        self._alone = False
        self._acceptances = Acceptances(self._commit)
        self._readiness = Readiness(self._acceptances.evidence, self._try)

    def accept(self, acceptance: Acceptance) -> Coroutine[Any, Any, Receipt]:
        return self._acceptances.store(acceptance)

    async def unready(self) -> Unready | None:
        """As `ports.store.Store`."""
        return await self._readiness.reason()

    async def _try(self, size: int) -> None:
        name = f"trial {os.urandom(size // 2).hex()}"

        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["begin_trial"], (name,))
            connection.execute(SQL["end_trial"], (name,))

        await self._writer.submit(job)

    async def close(self) -> None:
        """Idempotent."""
        await self._readiness.close()

    async def _commit(self, acceptances: Sequence[Acceptance]) -> Sequence[Receipt | Exception]:
        return await self._writer.submit(lambda connection: self._store(connection, acceptances))

    def _store(
        self, connection: apsw.Connection, acceptances: Sequence[Acceptance]
    ) -> Sequence[Receipt | Exception]:
        tenants = {acceptance.tenant for acceptance in acceptances}
        versions = {tenant: connection.execute(SQL["tenant_version"], (tenant,)).get for tenant in tenants}
        fitting = [a for a in acceptances if versions[a.tenant] == a.book_version]
        stored = iter(store_all(connection, fitting, self._incarnation, moment(self._clock)))
        return [next(stored) if versions[a.tenant] == a.book_version else StaleBook() for a in acceptances]

    async def backlogs(self) -> list[Backlog]:
        def job(connection: apsw.Connection) -> list[Backlog]:
            return [Backlog(*row) for row in connection.execute(SQL["backlogs"])]

        return await self._readers.read(job)

    async def claim(self, tenant: str, webhook: str, limit: int, now: int) -> list[Delivery]:
        def job(connection: apsw.Connection) -> list[Delivery]:
            bindings = (self._incarnation, tenant, webhook, now, limit)
            rows: list[Any] = connection.execute(SQL["claim"], bindings).fetchall()
            return [read_delivery(row) for row in sorted(rows, key=lambda row: (row[-1], row[0]))]

        return await self._writer.submit(job)

    async def settle(self, settlements: Sequence[Settlement]) -> Settled:
        at = moment(self._clock)
        return await self._writer.submit(lambda connection: settle(connection, settlements, self._incarnation, at))

    async def release(self, deliveries: Sequence[Delivery] | None = None) -> int:
        def job(connection: apsw.Connection) -> int:
            before = connection.total_changes()
            if deliveries is None:
                connection.execute(SQL["release_all"], (self._incarnation,))
            else:
                connection.executemany(SQL["release_one"], [(d.id, self._incarnation) for d in deliveries])
            return connection.total_changes() - before

        return await self._writer.submit(job)

    async def heartbeat(self, dead_after: int) -> Pulse:
        """The first beat of a process knows that all others are dead: the file's lock is ours. It goes on with the
        steady time of the last one."""
        if not self._alone:
            await self._follow_steady_time()
        now = moment(self._clock)

        def job(connection: apsw.Connection) -> int:
            connection.execute(SQL["beat"], (self._incarnation, now.wall))
            connection.execute(SQL["keep_anchor"], (now.steady, now.wall))
            connection.execute(SQL["bury"], (now.wall - dead_after,))
            if self._alone and connection.changes() == 0:
                return 0  # nobody died, so no lease is orphaned: finding one would read the whole queue
            if not self._alone:
                connection.execute(SQL["forget_others"], (self._incarnation,))
            connection.execute(SQL["release_orphans"])
            return connection.changes()

        released = await self._writer.submit(job)
        self._alone = True
        return Pulse(released, lost=False, me=self._incarnation, peers=(self._incarnation,))

    async def _follow_steady_time(self) -> None:
        row: Any = await self._readers.read(lambda connection: connection.execute(SQL["anchor"]).fetchone())
        if row is not None:
            self._clock.set_steady(Anchor(*row).at(self._clock.now()))

    async def cancel(self, tenant: str, webhook: str, limit: int, now: int) -> int:
        def job(connection: apsw.Connection) -> int:
            rows: list[Any] = connection.execute(SQL["cancel"], (tenant, webhook, limit)).fetchall()
            if len(rows) < limit:
                bindings = (tenant, webhook, limit - len(rows))
                rows += connection.execute(SQL["cancel_held"], bindings).fetchall()
            name = webhook_names(connection, {webhook}).get(webhook, "")
            lines = [
                (
                    tenant,
                    now,
                    Line.CANCELLED,
                    event,
                    "webhook deleted",
                    delivery,
                    webhook,
                    name,
                    *described,
                    None,
                    None,
                )
                for delivery, _, _, event, *described in rows
            ]
            connection.executemany(SQL["insert_line"], lines)
            return len(rows)

        return await self._writer.submit(job)

    async def deleted_webhooks(self) -> list[tuple[str, str]]:
        def job(connection: apsw.Connection) -> list[tuple[str, str]]:
            return [(tenant, webhook) for tenant, webhook in connection.execute(SQL["deleted_webhooks"])]

        return await self._readers.read(job)

    async def healths(self) -> dict[str, Health]:
        def job(connection: apsw.Connection) -> dict[str, Health]:
            rows = connection.execute(SQL["healths"])
            return {webhook: read_document(document, Health, "health") for webhook, document in rows}

        return await self._readers.read(job)

    async def newest(self) -> str | None:
        return await self._readers.read(lambda connection: connection.execute(SQL["newest"]).get)

    async def size(self, tenant: str) -> int:
        return await self._readers.read(lambda connection: int(connection.execute(SQL["size"], (tenant,)).get))

    async def quarantined(self, tenant: str) -> int:
        query = SQL["quarantined"]
        return await self._readers.read(lambda connection: int(connection.execute(query, (tenant,)).get))
