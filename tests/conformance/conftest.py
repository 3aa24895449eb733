"""Every store behind one fixture; a further store is a further parameter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.domain.fanout import owe
from outrider.domain.model import Acceptance, Event, Skip, Tenant, Webhook
from outrider.store.sqlite.database import SqliteDatabase, open_database
from outrider.store.sqlite.queue import SqliteQueue

TENANT = "tenant-1"


class Store:
    """A store with one tenant and one webhook `w`, and ways to make things."""

    def __init__(self, database: SqliteDatabase, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.database = database
        self.queue = database.queue
        self.ledger = database.ledger
        self.book = database.book
        self.run = run
        self.clock = 1_000
        self.webhooks: dict[str, Webhook] = {}
        run(self.book.add_tenant(Tenant(TENANT, "t", "key", "sealed", 0)))
        run(self.save_webhook("w"))

    def other_process(self, incarnation: str) -> SqliteQueue:
        """The queue as another process would see it."""
        return SqliteQueue(self.database.writer, self.database._readers, incarnation)

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


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with asyncio.Runner() as runner:
        database = runner.run(open_database(str(tmp_path / "outrider.db"), "process-1"))
        try:
            yield Store(database, runner.run)
        finally:
            runner.run(database.close())
