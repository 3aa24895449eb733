"""Custom objects on a real store while another process changes the same record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from outrider.app.objects import Objects, Place, place_of
from outrider.config import Config
from outrider.domain.custom_object import CustomObject
from outrider.domain.errors import StoreUnavailable
from outrider.ports.ledger import EventQuery
from outrider.ports.objects import CustomObjects
from outrider.wiring import Outrider, build


def another_process(outrider: Outrider, reader: CustomObjects | None = None) -> Objects:
    """The use case without the turns the first one keeps, so that only the store stands between them."""
    first = outrider.services.objects
    return Objects(
        objects=reader or outrider.store.objects,
        intake=first._intake,
        vault=first._vault,
        clock=first._clock,
        entropy=first._entropy,
        work=first._work,
        largest=first.largest,
    )


def on_a_store(folder: Path, check: Callable[[Outrider, Place], Awaitable[None]]) -> None:
    async def run() -> None:
        outrider = await build(Config(store=f"sqlite:///{folder / 'outrider.db'}"))
        try:
            tenant = (await outrider.store.book.tenants())[0].tenant.id
            await check(outrider, place_of(tenant, "U1", "orders"))
        finally:
            await outrider.sender.close()
            await outrider.store.close()

    asyncio.run(run())


async def told(outrider: Outrider, place: Place) -> list[object]:
    rows = await outrider.store.ledger.events(place.tenant, EventQuery(subject=place.uid), None, 100)
    return [json.loads(row.event.body)["Data"]["CustomObject"] for row in reversed(rows)]


def test_who_was_slower_makes_the_change_again(tmp_path: Path) -> None:
    async def check(outrider: Outrider, place: Place) -> None:
        doors = [outrider.services.objects, *(another_process(outrider) for _ in range(5))]
        identity = (await doors[0].create(place, b"{}", prevented=False)).Id
        bodies = [b'{"f%d":1}' % n for n in range(len(doors))]
        updates = [
            door.update(place, identity, body, "partialreplace", prevented=False)
            for door, body in zip(doors, bodies, strict=True)
        ]
        await asyncio.gather(*updates)
        contents = await told(outrider, place)
        assert [len(content) for content in contents] == list(range(len(doors) + 1))
        assert json.loads(bytes((await doors[0].get(place, identity)).CustomObject)) == contents[-1]

    on_a_store(tmp_path, check)


def test_who_never_catches_up_is_asked_to_come_again(tmp_path: Path) -> None:
    class Behind:
        """Reads the record as it was first."""

        def __init__(self, first: CustomObject) -> None:
            self._first = first

        async def record(self, tenant: str, uid: str, name: str, record: str) -> CustomObject:
            return self._first

    async def check(outrider: Outrider, place: Place) -> None:
        objects = outrider.services.objects
        identity = (await objects.create(place, b'{"a":1}', prevented=False)).Id
        first = await outrider.store.objects.record(place.tenant, place.uid, place.name, identity)
        await objects.update(place, identity, b'{"b":2}', None, prevented=False)
        behind = another_process(outrider, Behind(first))
        with pytest.raises(StoreUnavailable):
            await behind.update(place, identity, b'{"c":3}', None, prevented=False)
        with pytest.raises(StoreUnavailable):
            await behind.delete(place, identity, prevented=True)
        assert await told(outrider, place) == [{"a": 1}, {"a": 1, "b": 2}]

    on_a_store(tmp_path, check)
