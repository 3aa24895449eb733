"""Lanes: bounded, and turn by turn. Checked against a model over random histories."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from outrider.dispatch.lanes import LAUNCHES, PLACE_BYTES, LaneLimits, Lanes
from outrider.dispatch.lease import Peers
from outrider.dispatch.receivers import Receivers
from outrider.domain.breaker import Rules, Sign
from outrider.domain.model import Delivery, Webhook
from sim.world import VirtualLoop

LIMITS = LaneLimits(places=80, under_way=40, under_way_per_webhook=3)
ALONE = 27  # of half of the places, the most that are not more than twice what is left of them


class Picture:
    """Every webhook exists, those in `disabled` off, with the options of `options`."""

    def __init__(self) -> None:
        self.disabled: set[str] = set()
        self.options: dict[str, Any] = {}

    def webhook(self, tenant: str, webhook: str) -> Webhook:
        reason = "off" if webhook in self.disabled else None
        return Webhook(webhook, tenant, "", ("Login",), "", "", None, None, None, 0, 0, reason, **self.options)


class Still:
    """Time and chance that stand still."""

    def now(self) -> int:
        return 1_000

    def steady(self) -> int:
        return 1_000

    def set_steady(self, at: int) -> None:
        raise AssertionError(at)

    def dice(self) -> float:
        return 0.0


class Held:
    """A lease that is held, until told otherwise."""

    held = True


class Bench:
    def __init__(self, limits: LaneLimits = LIMITS) -> None:
        self.picture = Picture()
        self.launched: list[Delivery] = []
        self.hungry = 0
        self.made = 0
        self.given_back: list[Delivery] = []
        self.lease = Held()
        self.peers = Peers()
        self.receivers = Receivers(Still(), Still(), Rules())
        self.held_turns: list[Callable[[], None]] | None = None
        self.lanes = Lanes(
            limits,
            self.picture,
            self.receivers,
            self.lease,
            self.peers,
            launch=self.launched.append,
            give_back=self.given_back.append,
            hungry=self._hungry,
            wake=lambda: None,
            hint=lambda: None,
            soon=self.soon,
        )

    def soon(self, go_on: Callable[[], None]) -> None:
        """The loop's next turn comes at once, unless a test holds it."""
        if self.held_turns is None:
            go_on()
        else:
            self.held_turns.append(go_on)

    def _hungry(self, tenant: str, webhook: str) -> None:
        self.hungry += 1

    def finish(self, delivery: Delivery, *, delivered: bool = True) -> None:
        self.lanes.landed(delivery, delivered=delivered)
        self.lanes.leave(delivery)

    def offer(self, webhook: str, tenant: str = "t", attempts: int = 0) -> Delivery | None:
        self.made += 1
        delivery = Delivery(f"d{self.made}", tenant, webhook, "e", "Login", None, b"", attempts, 0)
        if not self.lanes.admit(delivery):
            return None
        self.lanes.start([delivery])
        return delivery


def test_turns_go_round() -> None:
    bench = Bench(LaneLimits(places=100, under_way=1, under_way_per_webhook=1))
    for webhook in ("a", "a", "a", "b", "c"):
        bench.offer(webhook)
    for index in range(5):
        done = bench.launched[index]
        bench.lanes.landed(done, delivered=True)
        bench.lanes.leave(done)
    assert [d.webhook for d in bench.launched] == ["a", "a", "b", "c", "a"]


def test_a_hanging_receiver_fills_its_own_lane_only() -> None:
    bench = Bench()
    hanging = [bench.offer("hangs") for _ in range(50)]
    assert sum(d is not None for d in hanging) == ALONE
    assert len(bench.launched) == LIMITS.under_way_per_webhook
    for _ in range(50):
        good = bench.offer("good")
        assert good is not None
        assert bench.launched[-1] is good
        bench.lanes.landed(good, delivered=True)
        bench.lanes.leave(good)


def test_a_full_lane_calls_for_more_when_it_has_room() -> None:
    bench = Bench()
    for _ in range(ALONE + 1):
        bench.offer("a")
    assert bench.hungry == 0
    for index in range(ALONE // 2 + 1):
        delivery = bench.launched[index]
        bench.lanes.landed(delivery, delivered=True)
        bench.lanes.leave(delivery)
    assert bench.hungry == 1


def test_a_hundred_hanging_receivers_leave_room_for_the_next() -> None:
    bench = Bench(LaneLimits())
    for number in range(100):
        for _ in range(1_000):
            bench.offer(f"hangs-{number}", tenant=f"t{number % 7}")
    for number in range(50):
        good = bench.offer(f"good-{number}", tenant="another")
        assert good is not None
        assert bench.launched[-1] is good


def test_a_tenant_with_many_webhooks_gets_no_more_turns_than_another() -> None:
    bench = Bench(LaneLimits(places=400, under_way=1, under_way_per_webhook=1))
    for webhook in range(40):
        bench.offer(f"flood-{webhook}", tenant="flood")
        bench.offer(f"flood-{webhook}", tenant="flood")
    for _ in range(5):
        bench.offer("quiet", tenant="quiet")
    for index in range(11):
        bench.finish(bench.launched[index])
    assert [d.tenant for d in bench.launched[1:11]] == ["flood", "quiet"] * 5


def test_an_open_circuit_sends_back_what_waits_and_admits_one_probe() -> None:
    bench = Bench()
    for _ in range(8):
        bench.offer("a")
    webhook = bench.picture.webhook("t", "a")
    for _ in range(Rules().failures):
        bench.receivers.observe(webhook, Sign.DOWN)
    bench.finish(bench.launched[0], delivered=False)
    assert len(bench.given_back) == 5
    assert len(bench.launched) == LIMITS.under_way_per_webhook
    assert bench.offer("a") is None


def test_concurrency_is_the_webhooks_own_when_it_has_one() -> None:
    bench = Bench()
    bench.picture.options = {"max_concurrency": 1}
    for _ in range(5):
        bench.offer("a")
    for index in range(5):
        assert len(bench.launched) == index + 1
        bench.finish(bench.launched[index])


def paced(limits: LaneLimits, attempts: int, seconds: float, count: int, *, delivered: bool, **options: Any) -> int:
    """How many of `count` deliveries start within virtual `seconds`, each ending at once."""
    loop = VirtualLoop()

    async def play() -> int:
        bench = Bench(limits)
        bench.picture.options = options
        until = loop.time() + seconds
        offered = done = 0
        while loop.time() < until:
            while offered < count and bench.offer(f"w{offered % 10}" if attempts else "a", attempts=attempts):
                offered += 1
            for delivery in bench.launched[done:]:
                bench.finish(delivery, delivered=delivered)
                done += 1
            await asyncio.sleep(0.01)
        bench.lanes.close()
        return done

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(play())


def test_a_rate_limit_is_kept() -> None:
    assert 195 <= paced(LaneLimits(), 0, 10, 1_000, delivered=True, rate_limit=20.0) <= 203
    assert 5 <= paced(LaneLimits(), 0, 10, 100, delivered=True, rate_limit=0.5) <= 6


def test_retries_that_fail_have_a_budget_and_those_that_arrive_have_none() -> None:
    limits = LaneLimits(failing_retries=5)
    assert 90 <= paced(limits, 1, 10, 500, delivered=False) <= 101
    assert paced(limits, 1, 10, 500, delivered=True) == 500


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
        bench.lanes.landed(delivery, delivered=True)
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
                bench.lanes.landed(chosen, delivered=True)
            case "settle" if unsettled:
                chosen = dice.choice(unsettled)
                settled.add(chosen.id)
                bench.lanes.leave(chosen)
        running = [d for d in bench.launched if d.id not in landed]
        assert len(running) == bench.lanes.under_way <= LIMITS.under_way
        assert all(sum(d.webhook == w for d in running) <= LIMITS.under_way_per_webhook for w in "abcd")
        held = [d for d in admitted if d.id not in settled]
        assert len(held) == bench.lanes.held <= LIMITS.places
        assert all(sum(d.webhook == w for d in held) <= ALONE for w in "abcd")
    while running := [d for d in bench.launched if d.id not in landed]:
        landed.add(running[0].id)
        bench.lanes.landed(running[0], delivered=True)
    assert {d.id for d in bench.launched} == {d.id for d in admitted}
    for webhook in "abcd":
        mine = [d.id for d in admitted if d.webhook == webhook]
        assert [d.id for d in bench.launched if d.webhook == webhook] == mine


def test_claims_under_way_together_never_reserve_more_than_is_free() -> None:
    limits = LaneLimits(places=800, under_way=40, under_way_per_webhook=16)
    bench = Bench(limits)
    for number in range(10):
        for _ in range(60):
            delivery = bench.offer(f"w{number}")
            assert delivery is not None
            bench.finish(delivery)
    reserved = [bench.lanes.reserve("t", f"w{number}", 200) for number in range(10)]
    assert bench.lanes.held == sum(reserved) <= limits.places // 2
    for number, places in enumerate(reserved):
        bench.lanes.fill(f"w{number}", places, [])
    assert bench.lanes.held == 0


def test_what_hangs_is_left_in_the_queue() -> None:
    bench = Bench(LaneLimits())
    hanging = [delivery for _ in range(1_000) if (delivery := bench.offer("hangs"))]
    assert len(hanging) == 64
    assert bench.lanes.reserve("t", "hangs", 200) == 0
    bench.lanes.expect_more("hangs")
    for delivery in bench.launched[:4]:
        bench.finish(delivery, delivered=False)
    assert bench.lanes.reserve("t", "hangs", 200) == 0
    assert bench.hungry == 0


def test_a_lane_that_delivers_holds_more_and_more() -> None:
    bench = Bench(LaneLimits())
    assert bench.lanes.reserve("t", "good", 200) == 64
    bench.lanes.fill("good", 64, [made("good")])  # keeps its lane, as one that is never idle does
    for _ in range(60):
        delivery = bench.offer("good")
        assert delivery is not None
        bench.finish(delivery)
    assert bench.lanes.reserve("t", "good", 2_000) == 16 * 64 - 1


def test_a_large_delivery_takes_more_places() -> None:
    bench = Bench(LaneLimits())
    assert bench.lanes.reserve("t", "a", 2) == 2
    bench.lanes.fill("a", 2, [made("a", bytes(10 * PLACE_BYTES))])
    assert bench.lanes.held == 11
    bench.finish(bench.launched[0])
    assert bench.lanes.held == 0


def test_what_a_claim_brings_after_the_end_is_given_back() -> None:
    bench = Bench(LaneLimits())
    reserved = bench.lanes.reserve("t", "a", 2)
    bench.lanes.close()
    late = made("a")
    bench.lanes.fill("a", reserved, [late])
    assert bench.launched == []
    assert bench.given_back == [late]
    bench.lanes.leave(late)
    assert bench.lanes.held == 0


def made(webhook: str, body: bytes = b"") -> Delivery:
    return Delivery("d", "t", webhook, "e", "Login", None, body, 0, 0)


def test_a_large_burst_leaves_turns_to_others() -> None:
    bench = Bench(LaneLimits(places=10_000, under_way=200, under_way_per_webhook=64))
    bench.held_turns = []
    for number in range(200):
        bench.offer(f"w{number}")
    assert len(bench.launched) == LAUNCHES
    for turn in range(2, 5):
        bench.held_turns.pop()()
        assert len(bench.launched) == LAUNCHES * turn
