"""Every store behind one fixture; a further store is a further parameter."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import postgres
from clocks import SetClock
from outrider.domain.fanout import owe
from outrider.domain.model import Acceptance, Event, Skip, Tenant, Webhook
from outrider.observe.clock import SystemClock
from outrider.ports.clock import Clock
from outrider.ports.queue import Queue
from outrider.ports.system import About
from outrider.store.postgres import database as on_postgres
from outrider.store.postgres import floors
from outrider.store.postgres.upkeep import SQL as UPKEEP
from outrider.store.sqlite import database as sqlite
from outrider.store.sqlite.queue import SqliteQueue

TENANT = "tenant-1"
ABOUT = About("host", 1, "0", (), 0)


class Store(ABC):
    """A store with one tenant and one webhook `w`, and ways to make things."""

    def __init__(self, database: Any, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.database = database
        self.queue = database.queue
        self.ledger = database.ledger
        self.book = database.book
        self.run = run
        self.clock = 1_000
        self.webhooks: dict[str, Webhook] = {}
        run(self.book.add_tenant(Tenant(TENANT, "t", "key", "sealed", 0)))
        run(self.save_webhook("w"))

    @abstractmethod
    def other_process(self, incarnation: str, clock: Clock | None = None) -> Queue:
        """The queue as another process would see it, with this clock or the store's."""

    @abstractmethod
    def lose_event(self, identity: str) -> None:
        """Take an event from under its deliveries."""

    @abstractmethod
    def pass_time(self, milliseconds: int) -> None:
        """On the clock of heartbeats."""

    @abstractmethod
    def make_days(self, *days: int) -> None:
        """Have what Outrider would have made ready, had it run on these days."""

    def close(self) -> None:
        self.run(self.database.close())

    async def save_webhook(self, identity: str, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "id": identity, "tenant": TENANT, "name": identity, "events": ("Login",),
            "target_url": "https://a.example", "secret": "", "authentication": None, "headers": None,
            "query_params": None, "created": 0, "modified": 0,
        }  # fmt: skip
        self.webhooks[identity] = Webhook(**(fields | changes))
        await self.book.save_webhook(self.webhooks[identity], (await self.book.tenant(TENANT)).version)

    def version(self) -> int:
        book = self.run(self.book.tenant(TENANT))
        return book.version

    def acceptance(
        self, *ids: str, lease: bool = False, webhook: str = "w", skip: bool = False, **changes: Any
    ) -> Acceptance:
        """Events with these ids, each owed to `webhook` unless skipped; delivery ids are `d-<id>`."""
        self.clock += 1
        base: dict[str, Any] = {"type": "Login", "subject": "u", "body": b"{}", "fingerprint": b"f"} | changes
        events = tuple(
            Event(id=i, tenant=TENANT, operation=None, time=self.clock, accepted=self.clock, **base) for i in ids
        )
        deliveries = () if skip else tuple(owe(event, self.webhooks[webhook], f"d-{event.id}") for event in events)
        skips = tuple(Skip(i, "absorbed", "why") for i in ids) if skip else ()
        leased = frozenset(d.id for d in deliveries) if lease else frozenset()
        return Acceptance(TENANT, self.version(), events, deliveries, skips, leased)

    def event(self, identity: str) -> Event:
        found: Event = self.run(self.ledger.event(TENANT, identity)).event
        return found

    def accept(self, *ids: str, **options: Any) -> Acceptance:
        made = self.acceptance(*ids, **options)
        self.run(self.queue.accept(made))
        return made


class OnSqlite(Store):
    def __init__(self, folder: Path, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.times = SetClock(1_000_000)
        path = str(folder / "outrider.db")
        super().__init__(run(sqlite.open_database(path, "process-1", clock=self.times, about=ABOUT)), run)

    def other_process(self, incarnation: str, clock: Clock | None = None) -> Queue:
        return SqliteQueue(self.database.writer, self.database._readers, incarnation, clock or self.times)

    def lose_event(self, identity: str) -> None:
        work = "DELETE FROM event WHERE id = ?"
        self.run(self.database.writer.submit(lambda connection: connection.execute(work, (identity,))))

    def pass_time(self, milliseconds: int) -> None:
        self.times.passed += milliseconds

    def make_days(self, *days: int) -> None:
        """There is nothing to make."""


class OnPostgres(Store):
    def __init__(self, url: str, run: Callable[[Awaitable[Any]], Any]) -> None:
        self._url = url
        self.times = SystemClock()
        self._others: list[Any] = []
        super().__init__(run(self._open("process-1")), run)

    async def _open(self, incarnation: str, clock: Clock | None = None) -> Any:
        return await on_postgres.open_database(
            self._url,
            incarnation,
            clock=clock or self.times,
            size=6,
            about=ABOUT,
            dispatches=True,
            keeps_house=True,
        )

    def lose_event(self, identity: str) -> None:
        work = "DELETE FROM event WHERE id = $1"
        self.run(self.database._writers.run(lambda connection: connection.execute(work, identity)))

    def other_process(self, incarnation: str, clock: Clock | None = None) -> Queue:
        self._others.append(self.run(self._open(incarnation, clock)))
        queue: Queue = self._others[-1].queue
        return queue

    def pass_time(self, milliseconds: int) -> None:
        work = "UPDATE node SET seen = seen - $1"
        self.run(self.database._writers.run(lambda connection: connection.execute(work, milliseconds)))

    def make_days(self, *days: int) -> None:
        for day in days:
            self.run(
                self.database._writers.run(lambda connection, day=day: connection.execute(UPKEEP["add_day"], day))
            )

    def close(self) -> None:
        for other in self._others:
            self.run(other.close())
        super().close()


@pytest.fixture(autouse=True)
def _no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine looks are slow for other reasons, and these tests claim at instants of the far future."""
    monkeypatch.setattr(floors, "SLOW_S", 60.0)


@pytest.fixture(scope="session")
def database_url(postgres_server: postgres.Postgres) -> str:
    return postgres_server.database()


@pytest.fixture(params=["sqlite", "postgres", pytest.param("pooled", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """`pooled` is PostgreSQL behind a pooler in transaction mode."""
    url = ""
    if request.param != "sqlite":
        url = request.getfixturevalue("database_url")
        request.getfixturevalue("postgres_server").empty(url)
    if request.param == "pooled":
        url = request.getfixturevalue("pooler").before(url)
    with asyncio.Runner() as runner:
        made = OnPostgres(url, runner.run) if url else OnSqlite(tmp_path, runner.run)
        try:
            yield made
        finally:
            made.close()
