"""Settling: what the store rejects holds up nobody, and is settled with less."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from outrider.dispatch.settler import Settler
from outrider.domain.delivery import NEVER, Line, Step
from outrider.domain.model import Delivery
from outrider.ports.queue import AttemptRecord, Settled, Settlement
from outrider.ports.sender import Timing

RECORD = AttemptRecord(1, 0, "https://a.example", (), 200, None, None, b"", False, Timing())


class Picky:
    """A queue that rejects what `poison` is given of deliveries named p…, and releases as told."""

    def __init__(self, poison: str) -> None:
        self._poison = poison
        self.written: list[Settlement] = []
        self.releases_fail = False

    async def settle(self, settlements: Sequence[Settlement]) -> Settled:
        if any(s.delivery.id.startswith("p") and self._rejects(s) for s in settlements):
            raise ValueError("a text the store does not take")
        self.written += settlements
        return Settled(frozenset())

    def _rejects(self, settlement: Settlement) -> bool:
        if self._poison == "record":
            return settlement.attempt is not None
        return self._poison == "everything" or settlement.step.line is not Line.QUARANTINED

    async def release(self, deliveries: Sequence[Delivery] | None = None) -> int:
        if self.releases_fail:
            raise ValueError("nobody foresaw this")
        return len(deliveries or ())


def owed(name: str) -> Delivery:
    return Delivery(name, "t", "w", "e", "Login", None, b"{}", 0, 0)


def settlement(name: str) -> Settlement:
    return Settlement(owed(name), Step(Line.DELIVERED, 1, None), 5, "status 200", RECORD)


def quarantined(delivery: Delivery, attempts: int, reason: str) -> Settlement:
    return Settlement(delivery, Step(Line.QUARANTINED, attempts, NEVER), 6, reason)


def settled(queue: Picky, *settlements: Settlement, released: Sequence[Delivery] = ()) -> list[str]:
    """Run a settler until it is idle; the deliveries that have left memory."""
    left: list[str] = []

    async def play() -> None:
        settler = Settler(
            queue, None, left=lambda d: left.append(d.id), promoted=lambda _: None, due=lambda _: None,
            quarantined=quarantined,
        )  # fmt: skip
        running = asyncio.get_running_loop().create_task(settler.run())
        for each in settlements:
            settler.settle(each)
        for delivery in released:
            settler.give_back(delivery)
        async with asyncio.timeout(10):
            while not settler.idle:
                await asyncio.sleep(0)
                if running.done():
                    running.result()
        running.cancel()

    asyncio.run(play())
    return left


def test_an_outcome_whose_record_is_rejected_is_settled_without_it(caplog: pytest.LogCaptureFixture) -> None:
    queue = Picky("record")
    left = settled(queue, settlement("a"), settlement("p"), settlement("b"))
    assert sorted(left) == ["a", "b", "p"]
    assert [(s.delivery.id, s.attempt is None) for s in queue.written] == [("a", False), ("p", True), ("b", False)]
    assert queue.written[1].step == Step(Line.DELIVERED, 1, None)
    assert "the store rejects the outcome of delivery p" in caplog.text


def test_an_outcome_that_is_rejected_altogether_ends_in_quarantine() -> None:
    queue = Picky("outcome")
    left = settled(queue, settlement("a"), settlement("p"), settlement("b"))
    assert sorted(left) == ["a", "b", "p"]
    (aside,) = [s for s in queue.written if s.delivery.id == "p"]
    assert (aside.step, aside.reason) == (Step(Line.QUARANTINED, 1, NEVER), "the store rejects its outcome")


def test_a_store_that_rejects_everything_of_one_keeps_its_lease_and_goes_on() -> None:
    queue = Picky("everything")
    left = settled(queue, settlement("a"), settlement("p"), settlement("b"))
    assert sorted(left) == ["a", "b", "p"]
    assert [s.delivery.id for s in queue.written] == ["a", "b"]


def test_leases_that_cannot_be_given_back_do_not_lose_outcomes(caplog: pytest.LogCaptureFixture) -> None:
    queue = Picky("record")
    queue.releases_fail = True
    left = settled(queue, settlement("a"), released=[owed("r")])
    assert sorted(left) == ["a", "r"]
    assert [s.delivery.id for s in queue.written] == ["a"]
    assert "1 leases are not given back" in caplog.text
