"""Requests that owe very much take several commits: each whole, in order; one that stops half-way says so."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.app import accept
from outrider.app.reading import EventInput, OperationInput
from outrider.app.webhooks import WebhookInput
from outrider.config import Config
from outrider.domain.errors import Conflict, PartlyStored, StoreUnavailable
from outrider.domain.model import Acceptance
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.wiring import Outrider, build

WEBHOOKS = 3


def play(folder: Path, scene: Callable[[Outrider, str], Awaitable[None]]) -> None:
    async def run() -> None:
        outrider = await build(Config(store=f"sqlite:///{folder / 'outrider.db'}", egress_allow="127.0.0.0/8"))
        try:
            tenant = (await outrider.store.book.tenants())[0].tenant.id
            for number in range(WEBHOOKS):
                target = f"https://127.0.0.1:1/{number}"
                given = WebhookInput(Event="Login", TargetUrl=target, Name=f"w{number}", Enabled=False)
                await outrider.services.webhooks.create(tenant, given)
            await scene(outrider, tenant)
        finally:
            outrider.workbench.close()
            await outrider.sender.close()
            await outrider.store.close()

    asyncio.run(run())


def events(count: int, name: str = "Login", **more: Any) -> list[EventInput]:
    data = msgspec.Raw(b'{"Uid":"u1"}')
    return [EventInput(Event=name, Data=data, Id=str(uuid.uuid4()), **more) for _ in range(count)]


def commits(outrider: Outrider) -> list[Acceptance]:
    """What intake stores from here on."""
    queue, found = outrider.services.intake._queue, []

    class Watched:
        def accept(self, acceptance: Acceptance) -> Any:
            found.append(acceptance)
            return queue.accept(acceptance)

    outrider.services.intake._queue = Watched()
    return found


async def stored(outrider: Outrider, tenant: str) -> tuple[int, int]:
    """Events and deliveries."""
    kept = await outrider.store.ledger.events(tenant, EventQuery(), None, 200)
    owed = await outrider.store.ledger.deliveries(tenant, DeliveryQuery(), None, 200)
    return len(kept), len(owed)


def test_what_is_owed_to_few_is_one_commit(tmp_path: Path) -> None:
    async def scene(outrider: Outrider, tenant: str) -> None:
        made = commits(outrider)
        await outrider.services.intake.accept_many(tenant, events(50), prevented=False)
        assert [len(each.deliveries) for each in made] == [150]

    play(tmp_path, scene)


@pytest.mark.parametrize(("deliveries", "size"), [(7, 1 << 30), (1 << 30, 400)])
def test_parts_are_bounded_and_in_order(
    tmp_path: Path, deliveries: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "PART_DELIVERIES", deliveries)
    monkeypatch.setattr(accept, "PART_BYTES", size)

    async def scene(outrider: Outrider, tenant: str) -> None:
        made = commits(outrider)
        given = events(11)
        done = await outrider.services.intake.accept_many(tenant, list(given), prevented=False)
        assert [one.Id for one in done] == [event.Id for event in given]
        assert [event.id for each in made for event in each.events] == [event.Id for event in given]
        assert len(made) > 1
        for each in made:
            assert len(each.deliveries) == WEBHOOKS * len(each.events) <= deliveries
            assert sum(len(event.body) for event in each.events) <= size
        assert await stored(outrider, tenant) == (11, 33)

    play(tmp_path, scene)


def test_an_operation_is_judged_as_a_whole_whatever_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "PART_DELIVERIES", WEBHOOKS)

    async def scene(outrider: Outrider, tenant: str) -> None:
        made = commits(outrider)
        organization = {"Data": msgspec.Raw(b'{"Id":"o1","Name":"n"}'), "Subject": "o1"}
        member = EventInput(Event="OrgUpdated", **organization)
        deletion = EventInput(Event="OrgDeleted", **organization)
        given = [member, *events(3), deletion]
        operation = OperationInput(Events=given)
        await outrider.services.intake.accept_operation(tenant, operation, prevented=False)
        assert len(made) > 1
        assert len({event.operation for each in made for event in each.events}) == 1
        assert [skip.reason for each in made for skip in each.skips] == ["absorbed"]
        assert await stored(outrider, tenant) == (5, 9)

    play(tmp_path, scene)


def test_a_store_that_goes_away_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "PART_DELIVERIES", 2 * WEBHOOKS)

    async def scene(outrider: Outrider, tenant: str) -> None:
        intake = outrider.services.intake
        queue, calls = intake._queue, iter(range(100))

        class GoesAway:
            async def accept(self, acceptance: Acceptance) -> Any:
                if next(calls) == 2:
                    raise StoreUnavailable("gone")
                return await queue.accept(acceptance)

        intake._queue = GoesAway()
        given = events(10)
        with pytest.raises(PartlyStored) as caught:
            await intake.accept_many(tenant, list(given), prevented=False)
        assert "the first 4 of 10 events are stored" in caught.value.hint
        assert await stored(outrider, tenant) == (4, 12)
        intake._queue = queue
        await intake.accept_many(tenant, list(given), prevented=False)  # sent again, as it was told
        assert await stored(outrider, tenant) == (10, 30)

    play(tmp_path, scene)


def test_a_store_that_is_away_from_the_start(tmp_path: Path) -> None:
    async def scene(outrider: Outrider, tenant: str) -> None:
        class Away:
            async def accept(self, acceptance: Acceptance) -> Any:
                raise StoreUnavailable("gone")

        outrider.services.intake._queue = Away()
        with pytest.raises(StoreUnavailable) as caught:
            await outrider.services.intake.accept_many(tenant, events(2), prevented=False)
        assert caught.value.hint.startswith("nothing was stored")

    play(tmp_path, scene)


def test_an_id_that_is_taken_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(outrider: Outrider, tenant: str) -> None:
        intake = outrider.services.intake
        given = events(6)
        (taken,) = events(1, Subject="somebody else")
        given[4] = msgspec.structs.replace(given[4], Id=taken.Id)
        await intake.accept_one(tenant, taken, prevented=False)
        with pytest.raises(Conflict) as caught:
            await intake.accept_many(tenant, list(given), prevented=False)
        assert caught.value.given == taken.Id
        assert await stored(outrider, tenant) == (1, 3)  # one commit: all or none
        monkeypatch.setattr(accept, "PART_DELIVERIES", 2 * WEBHOOKS)
        with pytest.raises(Conflict) as caught:
            await intake.accept_many(tenant, list(given), prevented=False)
        assert caught.value.given == f"{taken.Id}; the first 4 of 6 events are stored"
        assert await stored(outrider, tenant) == (5, 15)

    play(tmp_path, scene)


def test_large_events_are_read_beside_the_loop_as_small_ones_on_it(tmp_path: Path) -> None:
    async def scene(outrider: Outrider, tenant: str) -> None:
        intake = outrider.services.intake
        on_bench: list[str] = []
        run = outrider.workbench.run

        async def counted(whose: str, work: Callable[[], Any]) -> Any:
            on_bench.append(whose)
            return await run(whose, work)

        outrider.workbench.run = counted  # type: ignore[method-assign]
        small = msgspec.Raw(b'{"Uid":"u1","Password":"secret"}')
        large = msgspec.Raw(b'{"Uid":"u1","Password":"secret","A":"%s"}' % (b"x" * 40_000))
        await intake.accept_one(tenant, EventInput(Event="Login", Data=small), prevented=False)
        assert on_bench == []
        await intake.accept_one(tenant, EventInput(Event="Login", Data=large), prevented=False)
        assert on_bench == [tenant]
        await intake.accept_many(tenant, [EventInput(Event="Login", Data=large)] * 20, prevented=False)
        assert 1 < len(on_bench) < 20  # some at a time
        rows = await outrider.store.ledger.events(tenant, EventQuery(), None, 200)
        assert len(rows) == 22
        for row in rows:
            assert b'"Password":"**********"' in row.event.body
            assert b"secret" not in row.event.body

    play(tmp_path, scene)
