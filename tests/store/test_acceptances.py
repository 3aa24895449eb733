"""Acceptances share commits: tenants in turn, each told its own fate, none interrupted half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clocks import SetClock
from outrider.domain.model import Acceptance, Delivery, Event, Tenant
from outrider.ports.book import StaleBook
from outrider.ports.queue import IdTaken, Receipt
from outrider.ports.system import About
from outrider.store import acceptances as module
from outrider.store.acceptances import Acceptances
from outrider.store.sqlite.database import SqliteDatabase, open_database
from outrider.store.sqlite.queue import SqliteQueue


def acceptance(tenant: str, *ids: str, fingerprint: bytes = b"f", version: int = 1) -> Acceptance:
    events = tuple(Event(i, tenant, "Login", None, None, 1, 1, b"{}", fingerprint) for i in ids)
    return Acceptance(tenant, version, events, (), ())


class SlowWriter:
    """The database's writer, one job at a time and only when `go`; keeps what was committed together."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._writer = database.writer
        self.go = asyncio.Event()
        self.commits = 0

    async def submit(self, job: Callable[..., Any]) -> Any:
        await self.go.wait()
        self.commits += 1
        return await self._writer.submit(job)


def play(folder: Path, scene: Callable[[SlowWriter, Acceptances], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        about = About("host", 1, "0", (), 0)
        database = await open_database(str(folder / "a.db"), "process", clock=SetClock(), about=about)
        for tenant in ("flood", "quiet"):
            await database.book.add_tenant(Tenant(tenant, tenant, tenant, "sealed", 0))
        writer = SlowWriter(database)
        try:
            queue = SqliteQueue(writer, database._readers, "process", SetClock())
            await scene(writer, queue._acceptances)
        finally:
            await database.close()

    asyncio.run(run())


def test_a_flood_delays_another_tenant_by_one_commit(tmp_path: Path) -> None:
    async def scene(writer: SlowWriter, acceptances: Acceptances) -> None:
        done: list[str] = []

        async def send(tenant: str, *ids: str) -> None:
            await acceptances.store(acceptance(tenant, *ids))
            done.append(tenant)

        size = module.EVENTS * 2
        async with asyncio.TaskGroup() as tasks:
            for request in range(5):
                tasks.create_task(send("flood", *(f"{request}-{n}" for n in range(size))))
            for request in range(30):
                tasks.create_task(send("quiet", f"q-{request}"))
            await asyncio.sleep(0)
            writer.go.set()
        assert done[:31] == ["flood"] + ["quiet"] * 30
        assert writer.commits == 6

    play(tmp_path, scene)


def test_each_is_told_its_own_fate(tmp_path: Path) -> None:
    async def scene(writer: SlowWriter, acceptances: Acceptances) -> None:
        given = [
            acceptance("quiet", "a"),
            acceptance("quiet", "a"),
            acceptance("quiet", "b", "a", fingerprint=b"other"),
            acceptance("quiet", "b"),
            acceptance("quiet", "c", version=7),
        ]
        waiting = [asyncio.ensure_future(acceptances.store(one)) for one in given]
        await asyncio.sleep(0)
        writer.go.set()
        first, again, taken, beside, stale = await asyncio.gather(*waiting, return_exceptions=True)
        assert writer.commits == 1
        assert first == Receipt(frozenset())
        assert again == Receipt(frozenset({"a"}))
        assert isinstance(taken, IdTaken)
        assert taken.args == ("a",)
        assert beside == Receipt(frozenset())  # nothing of the refused one was stored
        assert isinstance(stale, StaleBook)

    play(tmp_path, scene)


def test_one_that_cannot_be_stored_fails_alone(tmp_path: Path) -> None:
    async def scene(writer: SlowWriter, acceptances: Acceptances) -> None:
        broken = Acceptance("quiet", 1, (Event("x", "quiet", "Login", None, None, 1, 1, None, b"f"),), (), ())
        waiting = [asyncio.ensure_future(acceptances.store(one)) for one in (acceptance("quiet", "a"), broken)]
        writer.go.set()
        good, bad = await asyncio.gather(*waiting, return_exceptions=True)
        assert good == Receipt(frozenset())
        assert isinstance(bad, Exception)
        assert await acceptances.store(acceptance("quiet", "a")) == Receipt(frozenset({"a"}))

    play(tmp_path, scene)


def test_a_cancelled_caller_learns_the_outcome_first(tmp_path: Path) -> None:
    async def scene(writer: SlowWriter, acceptances: Acceptances) -> None:
        learnt: list[Receipt] = []

        async def send() -> None:
            learnt.append(await acceptances.store(acceptance("quiet", "a")))
            await asyncio.sleep(60)

        sending = asyncio.ensure_future(send())
        await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.sleep(0.01)
        assert not sending.done()
        writer.go.set()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert learnt == [Receipt(frozenset())]

    play(tmp_path, scene)


def test_what_is_owed_to_many_counts_for_several(tmp_path: Path) -> None:
    """Fifty requests at once, small to look at: their deliveries would make a commit of half a minute."""

    async def scene(writer: SlowWriter, acceptances: Acceptances) -> None:
        sizes: list[int] = []
        store = acceptances._commit

        async def commit(group: Any) -> Any:
            sizes.append(sum(len(each.deliveries) for each in group))
            return await store(group)

        acceptances._commit = commit
        owed = [
            msgspec.structs.replace(made, deliveries=tuple(delivery(made.events[0], n) for n in range(300)))
            for made in (acceptance("flood", f"{request}") for request in range(50))
        ]
        writer.go.set()
        await asyncio.gather(*(acceptances.store(each) for each in owed))
        assert sum(sizes) == 15_000
        assert max(sizes) <= module.EVENTS * module.DELIVERIES_PER_EVENT

    play(tmp_path, scene)


def delivery(event: Event, number: int) -> Delivery:
    identity = f"{event.id}-{number}"
    return Delivery(identity, event.tenant, "w", event.id, event.type, None, b"{}", 0, 1)
