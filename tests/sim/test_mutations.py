"""A fault planted for each promise: the question that guards the promise has to find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from outrider.app import accept
from outrider.dispatch import attempt
from outrider.dispatch.attempt import Attempter
from outrider.dispatch.lanes import Lanes
from outrider.domain import delivery, fanout
from outrider.ports.queue import Pulse, Receipt
from outrider.store.postgres import intake
from outrider.store.postgres.queue import PostgresQueue
from outrider.store.sqlite import rows
from outrider.store.sqlite.queue import SqliteQueue
from postgres import Postgres
from sim import promises
from sim.disk import on_postgres
from sim.test_promises import LIMITS, POLICY, RARELY_S, rough_hour
from sim.weeks import polling_every
from sim.world import ProcessClock, World, simulate

Patch = pytest.MonkeyPatch
replace = msgspec.structs.replace


def answered_before_the_commit(patch: Patch) -> None:
    """202 for every fifth request although nothing was stored."""

    def forgetting(store: Any) -> Any:
        count = iter(range(10**6))

        async def forgetful(self: Any, acceptance: Any) -> Receipt:
            if next(count) % 5 == 0:
                return Receipt(frozenset())
            found: Receipt = await store(self, acceptance)
            return found

        return forgetful

    for queue in (SqliteQueue, PostgresQueue):
        patch.setattr(queue, "accept", forgetting(queue.accept))


def a_webhook_left_out(patch: Patch) -> None:
    """Fan-out forgets a webhook now and then, and nobody writes it down."""
    whole, count = fanout.fan_out, iter(range(10**6))

    def careless(*arguments: Any) -> list[Any]:
        found = whole(*arguments)
        return found[1:] if next(count) % 7 == 0 else found

    patch.setattr(accept, "fan_out", careless)


def leases_never_taken_over(patch: Patch) -> None:
    """What a dead process held stays held."""

    async def idle(self: Any, dead_after: int) -> Pulse:
        return Pulse(0, lost=False, me="", peers=())

    for queue in (SqliteQueue, PostgresQueue):
        patch.setattr(queue, "heartbeat", idle)


def delivered_whatever_the_answer(patch: Patch) -> None:
    table = dict.fromkeys(delivery.TRANSITIONS, delivery.Line.DELIVERED)
    patch.setattr(delivery, "TRANSITIONS", table)


def sent_twice(patch: Patch) -> None:
    once = Attempter._send

    async def twice(self: Attempter, *arguments: Any) -> Any:
        await once(self, *arguments)
        return await once(self, *arguments)

    patch.setattr(Attempter, "_send", twice)


def another_body_at_a_retry(patch: Patch) -> None:
    whole = attempt.build

    def counting(given: Any, *arguments: Any, **named: Any) -> Any:
        return whole(replace(given, body=given.body + b" " * given.attempts), *arguments, **named)

    patch.setattr(attempt, "build", counting)


def one_lane_takes_everything(patch: Patch) -> None:
    patch.setattr(Lanes, "_allowed", lambda *_: 10**6)
    patch.setattr(Lanes, "_share", lambda *_: 10**6)


def a_restart_costs_an_attempt(patch: Patch) -> None:
    def charging(whole: Any) -> Any:
        async def claim(self: Any, *arguments: Any) -> Any:
            return [replace(d, attempts=d.attempts + 1) for d in await whole(self, *arguments)]

        return claim

    for queue in (SqliteQueue, PostgresQueue):
        patch.setattr(queue, "claim", charging(queue.claim))


def retried_at_once(patch: Patch) -> None:
    whole = attempt.advance

    def hasty(attempts: int, outcome: Any, now: int, *arguments: Any, **named: Any) -> Any:
        step = whole(attempts, outcome, now, *arguments, **named)
        return step if step.due is None else replace(step, due=now + 1)

    patch.setattr(attempt, "advance", hasty)


def waits_by_the_wall_clock(patch: Patch) -> None:
    patch.setattr(ProcessClock, "steady", lambda clock: clock.now())


def nobody_waits_for_the_one_before(patch: Patch) -> None:
    whole = rows.store_deliveries

    def free(connection: Any, deliveries: Any, *arguments: Any) -> frozenset[str]:
        return whole(connection, [replace(d, order_key=None) for d in deliveries], *arguments)

    patch.setattr(rows, "store_deliveries", free)

    async def nothing(connection: Any, deliveries: Any) -> frozenset[str]:
        return frozenset()

    patch.setattr(intake, "find_held", nothing)


FAULTS: list[tuple[Callable[[Patch], None], promises.Promise]] = [
    (answered_before_the_commit, promises.nothing_is_lost),
    (a_webhook_left_out, promises.nothing_is_lost),
    (leases_never_taken_over, promises.nothing_is_lost),
    (delivered_whatever_the_answer, promises.delivered_means_answered),
    (sent_twice, promises.repeats_are_bounded),
    (another_body_at_a_retry, promises.bytes_stay_the_same),
    (one_lane_takes_everything, promises.lanes_keep_their_limits),
    (a_restart_costs_an_attempt, promises.only_failures_spend_attempts),
    (retried_at_once, promises.the_schedule_is_kept),
    (waits_by_the_wall_clock, promises.the_schedule_is_kept),
    (waits_by_the_wall_clock, promises.retries_are_not_forgotten),
    (nobody_waits_for_the_one_before, promises.order_is_kept),
]


@pytest.fixture(scope="module")
def healthy() -> World:
    return simulate(1, rough_hour, POLICY, LIMITS)


@pytest.mark.parametrize(("plant", "promise"), FAULTS, ids=lambda found: found.__name__)
def test_a_planted_fault_is_found(
    monkeypatch: Patch, healthy: World, plant: Callable[[Patch], None], promise: Any
) -> None:
    assert promise(healthy) == []
    plant(monkeypatch)
    assert promise(simulate(1, rough_hour, POLICY, LIMITS)) != []


IN_THE_STORE = [
    fault
    for fault in FAULTS
    if fault[0]
    in {
        answered_before_the_commit,
        leases_never_taken_over,
        a_restart_costs_an_attempt,
        nobody_waits_for_the_one_before,
    }
]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("plant", "promise"), IN_THE_STORE, ids=lambda found: found.__name__)
def test_a_fault_of_the_store_is_found_on_postgresql(
    monkeypatch: Patch, postgres_server: Postgres, plant: Callable[[Patch], None], promise: Any
) -> None:
    """Without the fault `test_promises_hold_on_postgresql` finds nothing in this world."""
    plant(monkeypatch)
    with polling_every(RARELY_S):
        assert promise(simulate(1, rough_hour, POLICY, LIMITS, on_postgres(postgres_server))) != []


def test_every_promise_has_its_fault() -> None:
    assert {promise for _, promise in FAULTS} == set(promises.PROMISES)
