"""A delivery that Outrider fails to send, over simulated minutes: set aside, and nobody waits behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from outrider.dispatch import attempt
from outrider.domain.model import Ordering
from outrider.ports.ledger import DeliveryQuery, EventQuery
from sim.test_promises import LIMITS, POLICY
from sim.world import TENANT, World, simulate

STRICT = {"strict": Ordering.STRICT}
A_WHILE_S = 10 * 60


async def owed_and_waiting(world: World) -> None:
    """One event whose delivery to `strict` failed and waits for its retry."""
    world.network.health = {"strict": 0.0, "good": 1.0}
    await world.begin(["strict", "good"], STRICT)
    await world.accept(1)
    waiting = DeliveryQuery(webhook="strict")
    for _ in range(100):
        await asyncio.sleep(0.5)
        if (await world.ledger.deliveries(TENANT, waiting, None, 1))[0].attempts:
            break
    world.network.health["strict"] = 1.0


async def loses_a_body(world: World) -> None:
    await owed_and_waiting(world)
    disk: Any = world.disk
    disk._connection.execute("DELETE FROM event WHERE id = ?", (world.accepted[0],))
    await world.accept(3)
    await asyncio.sleep(A_WHILE_S)
    await world.kill()
    await world.start()
    await asyncio.sleep(A_WHILE_S)
    await world.end()


def test_what_cannot_be_read_is_set_aside_and_the_order_goes_on() -> None:
    world = simulate(1, loses_a_body, POLICY, LIMITS)
    states = {(row.webhook, row.event): row for row in world.rows}
    lost = states.pop(("strict", world.accepted[0]))
    assert (lost.state, lost.due, lost.attempts) == ("quarantined", None, 1)
    assert lost.reason == "the event's body is not in the store any more"
    assert {row.state for row in states.values()} == {"delivered"}
    lines = [line.line for line in world.lines[lost.id]]
    assert lines == ["attempted", *["deferred"] * 4, "quarantined"]


def test_a_fault_of_the_whole_process_quarantines_nothing_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = attempt.build
    broken = [False]

    def sometimes(*given: Any, **named: Any) -> Any:
        if broken[0]:
            raise KeyError("nobody foresaw this")
        return build(*given, **named)

    monkeypatch.setattr(attempt, "build", sometimes)

    async def play(world: World) -> None:
        await owed_and_waiting(world)
        broken[0] = True
        for _ in range(10):
            await world.accept(4)
        await asyncio.sleep(3 * A_WHILE_S)
        broken[0] = False
        await world.rest(A_WHILE_S)
        told = await world.ledger.events(TENANT, EventQuery(type="DeliveryQuarantined"), None, 10)
        assert told == []
        await world.end()

    world = simulate(1, play, POLICY, LIMITS)
    assert len(world.rows) == 2 * len(world.accepted) > 40
    assert {row.state for row in world.rows} == {"delivered"}
    retried = [row for row in world.rows if row.attempts != 1]
    assert [row.event for row in retried] == world.accepted[:1]
