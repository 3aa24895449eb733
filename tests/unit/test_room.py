"""Room for large bodies: bounded over all, tenants in turn, nobody overtaken for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from outrider.api.room import Room
from outrider.domain.errors import Overloaded


def play(scene: Callable[[Room], Awaitable[None]], size: int = 64, patience_s: float = 20.0) -> None:
    async def run() -> None:
        room = Room(size, patience_s)
        await scene(room)
        assert room.free == size
        assert not room._held
        assert not room._waiting

    asyncio.run(run())


async def waiting(*takes: Awaitable[None]) -> list[asyncio.Future[None]]:
    tasks = [asyncio.ensure_future(take) for take in takes]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def test_a_tenant_alone_holds_no_more_than_it_leaves_free() -> None:
    async def scene(room: Room) -> None:
        assert room.take_now("a", 16)
        assert room.take_now("a", 16)
        assert not room.take_now("a", 16)
        assert room.take_now("b", 16)
        for tenant in ("a", "a", "b"):
            room.give_back(tenant, 16)
        assert room.take_now("a", 64)
        room.give_back("a", 64)

    play(scene)


def test_who_waits_gets_what_is_given_back_in_turn() -> None:
    async def scene(room: Room) -> None:
        room.take_now("flood", 32)
        order: list[str] = []

        async def take(tenant: str) -> None:
            await room.take(tenant, 32)
            order.append(tenant)
            await asyncio.sleep(0)
            room.give_back(tenant, 32)

        tasks = await waiting(*(take("flood") for _ in range(5)), take("quiet"), take("other"))
        room.give_back("flood", 32)
        await asyncio.gather(*tasks)
        assert order.index("quiet") <= 2
        assert order.index("other") <= 3
        assert len(order) == 7

    play(scene, 32)


def test_a_large_one_is_not_overtaken_for_ever() -> None:
    async def scene(room: Room) -> None:
        room.take_now("a", 10)
        (large,) = await waiting(room.take("b", 60))
        assert not room.take_now("c", 1)
        (small,) = await waiting(room.take("c", 1))
        assert not small.done()
        room.give_back("a", 10)
        await large
        await small
        room.give_back("b", 60)
        room.give_back("c", 1)

    play(scene)


def test_who_waits_for_requests_of_its_own_keeps_nobody() -> None:
    async def scene(room: Room) -> None:
        room.take_now("a", 30)
        (more,) = await waiting(room.take("a", 30))
        await asyncio.wait_for(room.take("b", 20), 5)
        assert not more.done()
        room.give_back("a", 30)
        await more
        room.give_back("a", 30)
        room.give_back("b", 20)

    play(scene)


def test_patience_ends() -> None:
    async def scene(room: Room) -> None:
        room.take_now("a", 60)
        with pytest.raises(Overloaded):
            await room.take("b", 10)
        room.give_back("a", 60)

    play(scene, patience_s=0.01)


def test_who_gives_up_leaves_nothing_behind() -> None:
    async def scene(room: Room) -> None:
        room.take_now("a", 60)
        first, second = await waiting(room.take("b", 10), room.take("c", 4))
        first.cancel()
        await second  # nobody stands before it any more
        room.give_back("c", 4)
        granted, other = await waiting(room.take("b", 60), asyncio.sleep(0))
        room.give_back("a", 60)  # in the same moment
        granted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await granted
        await other

    play(scene)
