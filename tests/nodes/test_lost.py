"""A process that the others gave up: it forgets what it holds, and its late outcomes change nothing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import postgres
from conformance.conftest import ABOUT
from harness import Receiver, Request
from outrider.app.reading import EventInput
from outrider.app.webhooks import WebhookInput
from outrider.config import Config
from outrider.domain.delivery import Line, Step
from outrider.observe.clock import SystemClock
from outrider.ports.ledger import DeliveryQuery
from outrider.ports.queue import Settlement
from outrider.store.postgres.database import open_database
from outrider.wiring import Outrider, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
DEAD_AFTER = 6_000
MANY = 30


async def until(condition: Callable[[], Any], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_what_a_buried_process_held_is_forgotten_and_sent_by_others(
    postgres_server: postgres.Postgres, authority: tuple[Path, Path], receive: Callable[..., Receiver]
) -> None:
    go_on = threading.Event()

    def hang(_: Request) -> tuple[int, dict[str, str], bytes]:
        go_on.wait(30)
        return 200, {}, b""

    receiver = receive(hang)
    url = postgres_server.database()
    config = Config(
        store=url,
        root_key=postgres.ROOT_KEY,
        egress_allow="127.0.0.0/8,::1/128",
        egress_ca_file=str(authority[0]),
    )

    async def play() -> None:
        one = await build(config)
        await one.start()
        other = await open_database(
            url, "other", clock=SystemClock(), size=5, about=ABOUT, dispatches=False, keeps_house=True
        )
        try:
            tenant = (await one.store.book.tenants())[0].tenant.id
            webhook = (await one.services.webhooks.create(
                tenant, WebhookInput(Event="Login", TargetUrl=receiver.url())
            )).id  # fmt: skip
            events = [EventInput("Login", msgspec.Raw(b'{"Uid":"u"}')) for _ in range(MANY)]
            await one.services.intake.accept_many(tenant, list(events), prevented=False)
            await until(lambda: one.engine.lanes.under_way > 0 and one.engine.lanes.held == MANY)
            await _buried(other, one)
            claimed = await other.queue.claim(tenant, webhook, 2 * MANY, 10**13)
            assert len(claimed) == MANY
            await until(lambda: one.engine.lanes.held == 0)
            assert (one.engine.lanes.under_way, one.engine._settler.idle) == (0, True)
            go_on.set()
            done = [Settlement(d, Step(Line.DELIVERED, 1, None), 50, "by the other") for d in claimed]
            assert (await other.queue.settle(done)).lost == frozenset()
            rows = await one.store.ledger.deliveries(tenant, DeliveryQuery(), None, 100)
            assert {(row.state, row.reason, row.attempts) for row in rows} == {("delivered", "by the other", 1)}

            # It takes part again.
            await one.services.intake.accept_many(tenant, events[:3], prevented=False)
            await until(lambda: one.engine.lanes.held == 0 and len(receiver.requests) >= 3)
            waiting = await one.store.ledger.deliveries(tenant, DeliveryQuery(state="waiting"), None, 100)
            assert waiting == []
        finally:
            go_on.set()
            await other.close()
            await one.stop(1)

    asyncio.run(play())


async def _buried(other: Any, one: Outrider) -> None:
    """Let the first process look silent for a moment; `other` finds out."""
    mine = one.store.queue._incarnation
    work = "UPDATE node SET seen = seen - 60000 WHERE incarnation = $1"
    await other.queue.heartbeat(DEAD_AFTER)
    for _ in range(20):
        await other._writers.run(lambda c: c.execute(work, mine))
        if (await other.queue.heartbeat(DEAD_AFTER)).released:
            return
    raise AssertionError("nobody was buried")
