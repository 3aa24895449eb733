"""What an attempt comes to when it is not the receiver's doing."""

from __future__ import annotations

import asyncio

import pytest

from outrider.dispatch.lanes import LaneLimits
from outrider.domain.delivery import Policy
from outrider.domain.errors import OurError
from outrider.ports.sender import Failure, Reply, Request
from sim.world import World, simulate


def test_a_sender_that_cannot_send_spends_no_attempt(caplog: pytest.LogCaptureFixture) -> None:
    async def play(world: World) -> None:
        send, short = world.network.send, iter(range(3))

        async def sometimes(request: Request) -> Reply | Failure:
            if next(short, None) is not None:
                raise OurError("this process can open no more sockets")
            return await send(request)

        world.network.send = sometimes
        await world.begin(["good"])
        await world.accept(1)
        await asyncio.sleep(1)
        await world.rest(3_600)
        await world.end()

    world = simulate(1, play, Policy(schedule=(1_000,)), LaneLimits())  # two attempts
    (row,) = world.rows
    assert row.state == "delivered"
    lines = [(line.line, line.reason) for line in world.lines[row.id]]
    deferred = ("deferred", "this process can open no more sockets")
    assert lines == [*[deferred] * 3, ("delivered", "status 200")]
    assert not [record for record in caplog.records if record.exc_info]
