"""Claiming: what cannot be claimed for one webhook keeps no other from being claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from clocks import SetClock
from outrider.dispatch.feeder import Feeder
from outrider.domain.model import Delivery
from outrider.ports.queue import Backlog


class Unreadable:
    """A queue whose rows of the webhook `bad` cannot be read."""

    async def backlogs(self) -> list[Backlog]:
        return [Backlog("t", webhook, 0) for webhook in ("bad", "good")]

    async def claim(self, tenant: str, webhook: str, limit: int, now: int) -> list[Delivery]:
        await asyncio.sleep(0 if webhook == "bad" else 0.01)
        if webhook == "bad":
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return [Delivery("d", "t", webhook, "e", "Login", None, b"{}", 0, 0)]


class Places:
    def __init__(self) -> None:
        self.held = 0
        self.filled: dict[str, list[Delivery]] = {}
        self.good = asyncio.Event()

    def reserve(self, tenant: str, webhook: str, most: int) -> int:
        self.held += 5
        return 5

    def fill(self, webhook: str, reserved: int, claimed: Sequence[Delivery]) -> None:
        self.held -= reserved
        self.filled[webhook] = list(claimed)
        if claimed:
            self.good.set()


def test_rows_that_cannot_be_read_hold_up_their_webhook_only(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> Places:
        lanes = Places()
        running = asyncio.get_running_loop().create_task(Feeder(Unreadable(), lanes, SetClock(1)).run())
        await asyncio.wait(
            {running, asyncio.create_task(lanes.good.wait())}, timeout=10, return_when="FIRST_COMPLETED"
        )
        assert not running.done()
        running.cancel()
        return lanes

    lanes = asyncio.run(play())
    assert [d.id for d in lanes.filled["good"]] == ["d"]
    assert lanes.filled["bad"] == []
    assert lanes.held == 0
    assert "what waits for webhook bad cannot be claimed" in caplog.text
