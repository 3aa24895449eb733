"""Lists of events, page by page, while their store changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import msgspec
import pytest

from outrider.app.history import History
from outrider.app.paging import Page
from outrider.app.reading import EventInput
from outrider.config import Config
from outrider.ports.ledger import EventQuery, EventRow
from outrider.wiring import build

TYPE = "Login"


def listed(folder: Path, check: Callable[[History, str, apsw.Connection], Awaitable[None]]) -> None:
    """On a store with six events, each accepted a second after the one before."""

    async def run() -> None:
        file = folder / "outrider.db"
        outrider = await build(Config(store=f"sqlite:///{file}"))
        try:
            tenant = (await outrider.store.book.tenants())[0].tenant.id
            for n in range(6):
                event = EventInput(Event=TYPE, Data=msgspec.Raw(b'{"Uid":"u%d"}' % n))
                await outrider.services.intake.accept_one(tenant, event, prevented=True)
            beside = apsw.Connection(str(file))
            beside.execute("UPDATE event SET accepted = accepted - 1000 * (6 - place)")
            try:
                await check(outrider.services.history, tenant, beside)
            finally:
                beside.close()
        finally:
            await outrider.sender.close()
            await outrider.store.close()

    asyncio.run(run())


def subjects(page: Page[EventRow]) -> list[str | None]:
    return [row.event.subject for row in page.rows]


@pytest.mark.parametrize("query", [EventQuery(), EventQuery(type=TYPE)])
def test_a_page_begins_behind_the_event_that_ended_the_one_before(tmp_path: Path, query: EventQuery) -> None:
    async def check(history: History, tenant: str, _: apsw.Connection) -> None:
        pages: list[list[str | None]] = []
        cursor: str | None = None
        while cursor is not None or not pages:
            page = await history.events(tenant, query, cursor, 4)
            pages.append(subjects(page))
            cursor = page.next
        assert pages == [["u5", "u4", "u3", "u2"], ["u1", "u0"]]

    listed(tmp_path, check)


def test_places_may_become_others(tmp_path: Path) -> None:
    """As they do when a store is moved."""

    async def check(history: History, tenant: str, beside: apsw.Connection) -> None:
        first = await history.events(tenant, EventQuery(), None, 4)
        beside.execute("UPDATE event SET place = place + 1000")
        assert subjects(await history.events(tenant, EventQuery(), first.next, 4)) == ["u1", "u0"]

    listed(tmp_path, check)


def test_a_page_by_two_values_is_whole_however_far_it_goes_back(tmp_path: Path) -> None:
    async def check(history: History, tenant: str, beside: apsw.Connection) -> None:
        beside.execute("UPDATE event SET subject = 'u'")
        beside.execute("UPDATE event SET type = 'Register' WHERE place <= 2")
        query = EventQuery(type="Register", subject="u")
        first = await history.events(tenant, query, None, 1)
        assert [row.place for row in first.rows] == [2]
        second = await history.events(tenant, query, first.next, 1)
        assert [row.place for row in second.rows] == [1]
        assert second.next is None

    listed(tmp_path, check)


def test_the_event_that_ended_a_page_may_be_dropped(tmp_path: Path) -> None:
    """Of those before it, whoever is still owed is still there."""

    async def check(history: History, tenant: str, beside: apsw.Connection) -> None:
        first = await history.events(tenant, EventQuery(), None, 3)
        assert subjects(first) == ["u5", "u4", "u3"]
        beside.execute("DELETE FROM event WHERE subject IN ('u3', 'u2')")
        assert subjects(await history.events(tenant, EventQuery(), first.next, 3)) == ["u1", "u0"]
        sooner = EventQuery(until=first.rows[0].event.accepted - 4_500)
        assert subjects(await history.events(tenant, sooner, first.next, 3)) == ["u0"]
        beside.execute("DELETE FROM event WHERE subject IN ('u1', 'u0')")
        assert subjects(await history.events(tenant, EventQuery(), first.next, 3)) == []

    listed(tmp_path, check)
