"""What every store promises about quarantine and steady time."""

from __future__ import annotations

from typing import Any

import pytest

from clocks import SetClock
from outrider.app.books import Books
from outrider.app.explain import Explain
from outrider.app.recovery import Recovery
from outrider.app.system import System
from outrider.dispatch.elsewhere import Elsewhere
from outrider.dispatch.work import Workbench
from outrider.domain.breaker import Circuit, Health
from outrider.domain.clock import HOUR
from outrider.domain.delivery import NEVER, Line, Step
from outrider.domain.ids import Ids
from outrider.domain.model import Delivery, Ordering
from outrider.observe.clock import SystemEntropy
from outrider.observe.turns import TurnWatch
from outrider.ports.ledger import DeliveryQuery
from outrider.ports.queue import Settlement

T = "tenant-1"
LATER = 10**13


def set_aside(store: Any, delivery: Delivery, **more: Any) -> Any:
    step = Step(Line.QUARANTINED, delivery.attempts, NEVER)
    return store.run(store.queue.settle([Settlement(delivery, step, 50, "internal error (KeyError)", **more)]))


def listed(store: Any, **query: Any) -> list[str]:
    return [row.id for row in store.run(store.ledger.deliveries(T, DeliveryQuery(**query), None, 9))]


def test_what_is_quarantined_is_owed_seen_and_counted_and_never_claimed(store: Any) -> None:
    first, second = store.accept("e1", "e2", lease=True).deliveries
    set_aside(store, first)
    assert store.run(store.queue.quarantined(T)) == 1
    assert store.run(store.queue.size(T)) == 2
    row = store.run(store.ledger.delivery(T, "d-e1"))
    assert (row.state, row.due, row.ended, row.attempts) == ("quarantined", None, None, 0)
    assert row.reason == "internal error (KeyError)"
    lines = store.run(store.ledger.lines(T, "d-e1"))
    assert [(line.line, line.at, line.reason) for line in lines] == [
        ("quarantined", 50, "internal error (KeyError)")
    ]
    store.run(store.queue.release([second]))
    assert [d.id for d in store.run(store.queue.claim(T, "w", 9, LATER))] == ["d-e2"]
    assert not [b for b in store.run(store.queue.backlogs()) if b.due <= LATER]


def test_what_is_quarantined_is_listed_by_its_state_and_whatever_else(store: Any) -> None:
    store.run(store.save_webhook("x"))
    for delivery in (
        store.accept("e1", "e2", lease=True).deliveries + store.accept("e3", webhook="x", lease=True).deliveries
    ):
        set_aside(store, delivery)
    store.accept("e4", lease=True)
    assert listed(store, state="quarantined") == ["d-e3", "d-e2", "d-e1"]
    assert listed(store, state="quarantined", webhook="x") == ["d-e3"]
    assert listed(store, state="quarantined", event="e2") == ["d-e2"]
    assert listed(store, state="quarantined", type="Other") == []
    assert listed(store, state="exhausted") == []
    assert listed(store) == ["d-e4", "d-e3", "d-e2", "d-e1"]


def test_resending_releases_it(store: Any) -> None:
    (delivery,) = store.accept("e1", lease=True).deliveries
    set_aside(store, delivery)
    assert store.run(store.database.jobs.hasten(T, "d-e1", 9_000))
    row = store.run(store.ledger.delivery(T, "d-e1"))
    assert (row.state, row.due) == ("waiting", 9_000)
    assert store.run(store.queue.quarantined(T)) == 0
    assert store.run(store.queue.claim(T, "w", 9, 8_999)) == []
    assert [d.id for d in store.run(store.queue.claim(T, "w", 9, 9_000))] == ["d-e1"]


@pytest.mark.parametrize("ordering", [Ordering.SUBJECT, Ordering.STRICT])
def test_what_is_ordered_goes_on_behind_it(store: Any, ordering: Ordering) -> None:
    store.run(store.save_webhook("w", ordering=ordering))
    first = store.accept("e1", lease=True).deliveries[0]
    store.accept("e2", "e3")
    settled = set_aside(store, first)
    assert [d.id for d in settled.promoted] == ["d-e2"]
    # Out of the order from now on: it neither waits for the others nor do they wait for it.
    store.run(store.database.jobs.hasten(T, "d-e1", 1))
    assert [d.id for d in store.run(store.queue.claim(T, "w", 9, LATER))] == ["d-e1"]
    store.accept("e4")
    assert store.run(store.ledger.held_behind(T, "d-e4")) == "d-e2"


def test_deleting_the_webhook_cancels_it(store: Any) -> None:
    (delivery,) = store.accept("e1", lease=True).deliveries
    set_aside(store, delivery)
    store.run(store.book.delete_webhook(T, "w", 70, store.version()))
    assert store.run(store.queue.deleted_webhooks()) == [(T, "w")]
    assert store.run(store.queue.cancel(T, "w", 9, 80)) == 1
    assert listed(store, state="cancelled") == ["d-e1"]
    assert store.run(store.queue.quarantined(T)) == 0


def test_a_lost_lease_quarantines_nothing(store: Any) -> None:
    (delivery,) = store.accept("e1", lease=True).deliveries
    store.run(store.queue.release([delivery]))
    assert set_aside(store, delivery).lost == {"d-e1"}
    assert store.run(store.queue.quarantined(T)) == 0


def test_an_event_that_is_not_there_any_more_holds_up_no_other(store: Any) -> None:
    store.accept("e1", "e2")
    store.lose_event("e1")
    claimed = store.run(store.queue.claim(T, "w", 9, LATER))
    assert [(d.id, d.body) for d in claimed] == [("d-e1", None), ("d-e2", b"{}")]


def test_what_is_new_is_due_at_once_however_the_clocks_differ(store: Any) -> None:
    for ahead, name in ((5 * HOUR, "e1"), (-5 * HOUR, "e2")):
        clock = SetClock(LATER)
        clock.set_steady(LATER + ahead)
        queue = store.other_process(f"p-{name}", clock)
        store.clock = LATER
        store.run(queue.accept(store.acceptance(name)))
        claimed = store.run(queue.claim(T, "w", 9, clock.steady()))
        assert [d.id for d in claimed] == [f"d-{name}"]


def test_due_times_are_shown_by_the_wall_clock(store: Any) -> None:
    (delivery,) = store.accept("e1", lease=True).deliveries
    step = Step(Line.ATTEMPTED, 1, 50_000_000)
    store.run(store.queue.settle([Settlement(delivery, step, 50, "status 500")]))
    health = Health(Circuit.OPEN, 10, 50_000_000, 50_000_000, 50_000_000)
    shift = 5 * HOUR
    assert at_wall_time(store, health) == [50_000_000] * 5
    store.times.set_steady(store.times.steady() + shift)  # as after the wall clock was set back
    # A real clock ticks between the look at one clock and at the other.
    assert all(abs(at - (50_000_000 - shift)) <= 1 for at in at_wall_time(store, health))


def at_wall_time(store: Any, health: Health) -> list[int]:
    """When the delivery is due, alone and in a list, and the instants of its webhook's health, which is stored
    so."""
    (delivery,) = store.accept(f"e{store.clock}", lease=True).deliveries
    step = Step(Line.DELIVERED, 1, None)
    store.run(store.queue.settle([Settlement(delivery, step, 50, "status 200", health=health)]))
    rows = [store.run(store.ledger.delivery(T, "d-e1"))]
    rows += store.run(store.ledger.deliveries(T, DeliveryQuery(state="waiting"), None, 9))
    seen = store.run(store.ledger.healths(T))["w"]
    return [*(row.due for row in rows), seen.failing_since, seen.opened, seen.probe]


def test_the_operator_sees_why_and_sends_it_again(store: Any) -> None:
    books, clock = Books(store.book, None), store.times
    store.run(books.load())
    (delivery,) = store.accept("e1", lease=True).deliveries
    set_aside(store, delivery)
    database = store.database
    system = System(
        store="any",
        processes=database.system,
        queue=database.queue,
        upkeep=database.upkeep,
        engine=lambda _: ["told"],
        turns=TurnWatch(),
    )
    condition = store.run(system.condition(T))
    assert (condition.owed, condition.quarantined) == (1, 1)
    assert condition.warnings[-2] == "told"
    assert condition.warnings[-1].startswith("1 deliveries are quarantined")
    explain = Explain(ledger=database.ledger, books=books, clock=clock, work=Workbench())
    (why,) = store.run(explain.event(T, "e1", "w"))
    assert why.because == "quarantined"
    assert "internal error (KeyError)" in why.sentence
    recovery = Recovery(
        jobs=database.jobs,
        ledger=database.ledger,
        books=books,
        handover=Elsewhere(lambda: None),
        clock=clock,
        ids=Ids(clock.now, SystemEntropy().bytes),
        work=Workbench(),
    )
    assert store.run(recovery.resend(T, "d-e1")).state == "waiting"
    assert store.run(system.condition(T)).quarantined == 0
    assert [d.id for d in store.run(store.queue.claim(T, "w", 9, clock.steady()))] == ["d-e1"]
