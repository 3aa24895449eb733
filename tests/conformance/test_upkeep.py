"""What every store promises of retention: days go, what is owed stays, and nothing stumbles over what is gone."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from outrider.app.books import Books
from outrider.app.explain import Explain
from outrider.app.recovery import Recovery
from outrider.dispatch.work import Workbench
from outrider.domain.clock import DAY, HOUR
from outrider.domain.delivery import Line, Step
from outrider.domain.errors import NotFound
from outrider.domain.fanout import owe, owe_again
from outrider.domain.ids import Ids
from outrider.domain.job import Job, JobKind, Selection
from outrider.domain.model import Acceptance, Delivery, Event
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import Settlement

T = "tenant-1"
TODAY = time.time_ns() // 1_000_000 // DAY * DAY
LATER = 10**13


class Past:
    """Events of chosen days, with ids as Outrider makes them."""

    def __init__(self, store: Any, *days: int) -> None:
        self.store = store
        self.at = 0
        self.ids = Ids(lambda: self.at, SystemEntropy().bytes)
        store.make_days(*(TODAY - day * DAY for day in days))

    def accepted(self, days_ago: int, *, lease: bool = True) -> Delivery:
        """One more event of that day, at its noon or later, and its delivery."""
        self.at = max(self.at + 1, TODAY - days_ago * DAY + 12 * HOUR)
        event = Event(self.ids.new(), T, "Login", "u", None, self.at, self.at, b'{"n":1}', b"f")
        return self.stored(event, lease=lease)

    def stored(self, event: Event, *, lease: bool = True) -> Delivery:
        delivery = owe(event, self.store.webhooks["w"], self.ids.new())
        leased = frozenset([delivery.id]) if lease else frozenset()
        self.store.run(
            self.store.queue.accept(Acceptance(T, self.store.version(), (event,), (delivery,), (), leased))
        )
        return delivery

    def ended(self, days_ago: int, line: Line = Line.DELIVERED) -> Delivery:
        delivery = self.accepted(days_ago)
        self.settle(delivery, line)
        return delivery

    def settle(self, delivery: Delivery, line: Line, due: int | None = None, at: int | None = None) -> None:
        step = Step(line, delivery.attempts + 1, due)
        settlement = Settlement(delivery, step, at or delivery.created + 1, "why")
        assert self.store.run(self.store.queue.settle([settlement])).lost == frozenset()

    def tend(self, keep_days: int | None) -> None:
        oldest = None if keep_days is None else TODAY - keep_days * DAY
        self.store.run(self.store.database.upkeep.tend(oldest))

    def events(self) -> set[str]:
        return {row.event.id for row in self.store.run(self.store.ledger.events(T, EventQuery(), None, 200))}

    def deliveries(self) -> dict[str, str]:
        rows = self.store.run(self.store.ledger.deliveries(T, DeliveryQuery(), None, 200))
        return {row.id: row.state for row in rows}


def test_what_is_older_goes_and_the_rest_stays(store: Any) -> None:
    past = Past(store, 0, 1, 2, 5, 9)
    ended = {day: past.ended(day) for day in (9, 5, 2, 1, 0)}
    past.tend(None)
    assert len(past.events()) == 5
    past.tend(3)
    kept = {day: ended[day] for day in (2, 1, 0)}
    assert past.events() == {d.event for d in kept.values()}
    assert past.deliveries() == {d.id: "delivered" for d in kept.values()}
    for day in (9, 5):
        assert store.run(store.ledger.event(T, ended[day].event)) is None
        assert store.run(store.ledger.delivery(T, ended[day].id)) is None
        assert store.run(store.ledger.lines(T, ended[day].id)) == []
        assert store.run(store.ledger.skips(T, ended[day].event)) == []
    assert [line.line for line in store.run(store.ledger.lines(T, ended[2].id))] == ["delivered"]
    past.tend(3)
    assert past.events() == {d.event for d in kept.values()}


def test_what_is_still_owed_stays_with_its_lines(store: Any) -> None:
    past = Past(store, 0, 6, 7, 8)
    gone = past.ended(8)
    owed = past.accepted(7)
    past.settle(owed, Line.ATTEMPTED, due=5)
    past.tend(2)
    assert gone.event not in past.events()
    assert owed.event in past.events()
    assert past.deliveries()[owed.id] == "waiting"
    assert [line.line for line in store.run(store.ledger.lines(T, owed.id))] == ["attempted"]
    (claimed,) = store.run(store.queue.claim(T, "w", 10, LATER))
    assert (claimed.id, claimed.body) == (owed.id, b'{"n":1}')
    past.settle(claimed, Line.DELIVERED, at=claimed.created + 2)
    past.tend(2)
    assert past.events() == set()
    assert past.deliveries() == {}


def test_ids_of_what_is_gone_can_be_used_again(store: Any) -> None:
    past = Past(store, 0, 9)
    old = past.ended(9)
    past.tend(3)
    event = Event(old.event, T, "Login", "v", None, TODAY, TODAY, b"{}", b"other")
    delivery = past.stored(event, lease=False)
    assert store.run(store.ledger.event(T, old.event)).event == event
    assert [d.id for d in store.run(store.queue.claim(T, "w", 10, LATER))] == [delivery.id]


def test_an_event_sent_again_is_owed_again(store: Any) -> None:
    past = Past(store, 0, 9)
    old = past.ended(9)
    past.at = TODAY
    again = owe_again(store.event(old.event), "w", past.ids.new(), TODAY, f"resend:{old.id}")
    store.run(store.database.jobs.enqueue(again))
    past.tend(3)
    assert past.events() == {old.event}
    assert [d.body for d in store.run(store.queue.claim(T, "w", 10, LATER))] == [b'{"n":1}']


def test_a_past_that_is_half_gone(store: Any) -> None:
    """An event is dropped while a later delivery of it, which ended, is kept."""
    past = Past(store, 0, 1, 9)
    old = past.ended(9)
    past.at = TODAY
    again = owe_again(store.event(old.event), "w", past.ids.new(), TODAY, f"resend:{old.id}")
    store.run(store.database.jobs.enqueue(again))
    (claimed,) = store.run(store.queue.claim(T, "w", 10, LATER))
    past.settle(claimed, Line.EXHAUSTED, at=TODAY + 5)
    fresh = past.ended(0)
    past.tend(3)
    assert past.events() == {fresh.event}
    assert past.deliveries()[again.id] == "exhausted"
    queries = [
        DeliveryQuery(event=old.event),
        DeliveryQuery(subject="u"),
        DeliveryQuery(webhook="w", state="exhausted"),
    ]
    found = [[row.id for row in store.run(store.ledger.deliveries(T, query, None, 10))] for query in queries]
    assert found[1:] == [[fresh.id, again.id], [again.id]]
    assert store.run(store.ledger.delivery(T, again.id)).event == old.event
    assert [line.line for line in store.run(store.ledger.lines(T, again.id))] == ["exhausted"]
    assert store.run(store.ledger.webhooks_then(T, old.event)) == {}

    books, clock = Books(store.book, None), SystemClock()
    store.run(books.load())
    work = Workbench()
    explain = Explain(ledger=store.ledger, books=books, clock=clock, work=work)
    with pytest.raises(NotFound):
        store.run(explain.event(T, old.event, None))
    recovery = Recovery(
        jobs=store.database.jobs,
        ledger=store.ledger,
        books=books,
        handover=None,  # nothing gets so far
        clock=clock,
        ids=past.ids,
        work=work,
    )
    with pytest.raises(NotFound):
        store.run(recovery.resend(T, again.id))
    selection = Selection(JobKind.RETRY_FAILED, T, "w")
    place, end = store.run(store.database.jobs.bounds(selection))
    stretch = store.run(store.database.jobs.stretch(selection, place, end))
    assert (stretch.events, stretch.place) == ((), end)


def test_a_job_makes_nothing_of_what_is_gone(store: Any) -> None:
    """The event is dropped between the look at it and the commit of what comes of it."""
    past = Past(store, 0, 9)
    old = past.ended(9)
    selection = Selection(JobKind.REPLAY, T, "w")
    start, end = store.run(store.database.jobs.bounds(selection))
    job = Job("a1", selection, start, end, start, 1)
    store.run(store.database.jobs.add(job))
    made = owe_again(store.event(old.event), "w", past.ids.new(), TODAY, "job:a1")
    past.tend(3)
    store.run(store.database.jobs.advance(job, msgspec.structs.replace(job, place=end, made=1), [made]))
    for delivery in store.run(store.queue.claim(T, "w", 10, LATER)):
        assert delivery.body  # whatever is claimed can be sent
    assert store.run(store.queue.size(T)) == 0


def test_lines_of_a_clock_that_was_ahead_hold_nothing_up(store: Any) -> None:
    past = Past(store, 0, 7, 8)
    ahead = past.accepted(8)
    past.settle(ahead, Line.DELIVERED, at=TODAY + 1_000 * DAY)
    old, young = past.ended(7), past.ended(0)
    past.tend(3)
    assert old.id not in past.deliveries()
    assert past.deliveries()[young.id] == "delivered"
