"""Lanes: bounded, and turn by turn. Checked against a model over random histories."""

from __future__ import annotations

import random
from typing import Any

import pytest

from outrider.dispatch.lanes import LaneLimits, Lanes
from outrider.domain.model import Delivery, Webhook

LIMITS = LaneLimits(places=20, places_per_webhook=8, under_way=6, under_way_per_webhook=3)


class Picture:
    """Every webhook exists; those in `disabled` are off."""

    def __init__(self) -> None:
        self.disabled: set[str] = set()

    def webhook(self, tenant: str, webhook: str) -> Webhook:
        reason = "off" if webhook in self.disabled else None
        return Webhook(webhook, tenant, "", ("Login",), "", "", None, None, None, 0, 0, reason)


class Bench:
    def __init__(self, limits: LaneLimits = LIMITS) -> None:
        self.picture = Picture()
        self.launched: list[Delivery] = []
        self.hungry = 0
        self.made = 0
        self.lanes = Lanes(limits, self.picture, self.launched.append, self._wake)  # type: ignore[arg-type]

    def _wake(self) -> None:
        self.hungry += 1

    def offer(self, webhook: str) -> Delivery | None:
        self.made += 1
        delivery = Delivery(f"d{self.made}", "t", webhook, "e", "Login", None, b"", 0, 0)
        if not self.lanes.admit(delivery):
            return None
        self.lanes.start([delivery])
        return delivery


def test_turns_go_round() -> None:
    bench = Bench(LaneLimits(places=100, places_per_webhook=50, under_way=1, under_way_per_webhook=1))
    for webhook in ("a", "a", "a", "b", "c"):
        bench.offer(webhook)
    for index in range(5):
        done = bench.launched[index]
        bench.lanes.landed(done)
        bench.lanes.leave(done)
    assert [d.webhook for d in bench.launched] == ["a", "b", "c", "a", "a"]


def test_a_hanging_receiver_fills_its_own_lane_only() -> None:
    bench = Bench()
    hanging = [bench.offer("hangs") for _ in range(20)]
    assert sum(d is not None for d in hanging) == LIMITS.places_per_webhook
    assert len(bench.launched) == LIMITS.under_way_per_webhook
    for _ in range(50):
        good = bench.offer("good")
        assert good is not None
        assert bench.launched[-1] is good
        bench.lanes.landed(good)
        bench.lanes.leave(good)


def test_a_full_lane_calls_for_more_when_it_has_room() -> None:
    bench = Bench()
    for _ in range(9):
        bench.offer("a")
    assert bench.hungry == 0
    for index in range(4):
        delivery = bench.launched[index]
        bench.lanes.landed(delivery)
        bench.lanes.leave(delivery)
    assert bench.hungry == 1


def test_a_disabled_webhook_is_not_admitted() -> None:
    bench = Bench()
    bench.picture.disabled.add("a")
    assert bench.offer("a") is None
    assert bench.offer("b") is not None


def test_closing_returns_what_had_no_turn() -> None:
    bench = Bench()
    for _ in range(5):
        bench.offer("a")
    assert len(bench.lanes.close()) == 2
    assert bench.offer("b") is None
    for delivery in list(bench.launched):
        bench.lanes.landed(delivery)
        bench.lanes.leave(delivery)
    assert (bench.lanes.held, bench.lanes.under_way, len(bench.launched)) == (0, 0, 3)


@pytest.mark.parametrize("seed", range(200))
def test_bounds_hold_and_everybody_gets_a_turn(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a reproducible history
    bench = Bench()
    admitted: list[Any] = []
    landed: set[str] = set()
    settled: set[str] = set()
    for _ in range(400):
        under_way = [d for d in bench.launched if d.id not in landed]
        unsettled = [d for d in bench.launched if d.id in landed and d.id not in settled]
        match dice.choice(("offer", "offer", "land", "settle")):
            case "offer":
                if (delivery := bench.offer(dice.choice("abcd"))) is not None:
                    admitted.append(delivery)
            case "land" if under_way:
                chosen = dice.choice(under_way)
                landed.add(chosen.id)
                bench.lanes.landed(chosen)
            case "settle" if unsettled:
                chosen = dice.choice(unsettled)
                settled.add(chosen.id)
                bench.lanes.leave(chosen)
        running = [d for d in bench.launched if d.id not in landed]
        assert len(running) == bench.lanes.under_way <= LIMITS.under_way
        assert all(sum(d.webhook == w for d in running) <= LIMITS.under_way_per_webhook for w in "abcd")
        held = [d for d in admitted if d.id not in settled]
        assert len(held) == bench.lanes.held <= LIMITS.places
        assert all(sum(d.webhook == w for d in held) <= LIMITS.places_per_webhook for w in "abcd")
    while running := [d for d in bench.launched if d.id not in landed]:
        landed.add(running[0].id)
        bench.lanes.landed(running[0])
    assert {d.id for d in bench.launched} == {d.id for d in admitted}
    for webhook in "abcd":
        mine = [d.id for d in admitted if d.webhook == webhook]
        assert [d.id for d in bench.launched if d.webhook == webhook] == mine
