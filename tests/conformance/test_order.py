"""What every store promises about order, health, the past and jobs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from outrider.domain.breaker import Circuit, Health
from outrider.domain.delivery import Line, Step
from outrider.domain.fanout import owe_again
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Ordering
from outrider.ports.jobs import Stretch
from outrider.ports.ledger import DeliveryQuery
from outrider.ports.queue import Settlement

T = "tenant-1"
LATER = 10**13


def settle(store: Any, delivery: Any, line: Line, due: int | None = None, **more: Any) -> Any:
    return store.run(store.queue.settle([Settlement(delivery, Step(line, 1, due), 50, "why", **more)]))


def ids(deliveries: Any) -> list[str]:
    return [d.id for d in deliveries]


@pytest.mark.parametrize("line", [Line.DELIVERED, Line.EXHAUSTED, Line.CANCELLED])
def test_the_next_is_promoted_when_the_one_before_ends(store: Any, line: Line) -> None:
    store.run(store.save_webhook("w", ordering=Ordering.SUBJECT))
    first = store.accept("e1", lease=True).deliveries[0]
    receipt = store.run(store.queue.accept(store.acceptance("e2", "e3", lease=True)))
    assert receipt.held == {"d-e2", "d-e3"}
    assert store.run(store.ledger.held_behind(T, "d-e3")) == "d-e1"
    assert store.run(store.ledger.held_behind(T, "d-e1")) is None
    assert store.run(store.queue.claim(T, "w", 9, LATER)) == []
    promoted = settle(store, first, line).promoted
    assert ids(promoted) == ["d-e2"]
    assert store.run(store.queue.claim(T, "w", 9, LATER)) == []  # leased by the promotion
    assert ids(settle(store, promoted[0], line).promoted) == ["d-e3"]


def test_a_retry_keeps_the_others_waiting(store: Any) -> None:
    store.run(store.save_webhook("w", ordering=Ordering.SUBJECT))
    first = store.accept("e1", lease=True).deliveries[0]
    store.accept("e2")
    assert settle(store, first, Line.ATTEMPTED, 9_000).promoted == ()
    assert ids(store.run(store.queue.claim(T, "w", 9, LATER))) == ["d-e1"]


def test_other_subjects_pass_unless_order_is_strict(store: Any) -> None:
    store.run(store.save_webhook("w", ordering=Ordering.SUBJECT))
    store.run(store.save_webhook("s", ordering=Ordering.STRICT))
    for number, subject in enumerate(["a", "b", "a"]):
        store.accept(f"w{number}", subject=subject)
        store.accept(f"s{number}", subject=subject, webhook="s")
    assert ids(store.run(store.queue.claim(T, "w", 9, LATER))) == ["d-w0", "d-w1"]
    assert ids(store.run(store.queue.claim(T, "s", 9, LATER))) == ["d-s0"]


def test_order_within_one_acceptance(store: Any) -> None:
    store.run(store.save_webhook("w", ordering=Ordering.SUBJECT))
    receipt = store.run(store.queue.accept(store.acceptance("e1", "e2", "e3", lease=True)))
    assert receipt.held == {"d-e2", "d-e3"}


def test_a_lost_lease_promotes_nobody(store: Any) -> None:
    store.run(store.save_webhook("w", ordering=Ordering.SUBJECT))
    first = store.accept("e1", lease=True).deliveries[0]
    store.accept("e2")
    store.run(store.queue.release([first]))
    other = store.other_process("process-2")
    assert ids(store.run(other.claim(T, "w", 9, LATER))) == ["d-e1"]
    assert settle(store, first, Line.DELIVERED).promoted == ()
    assert store.run(store.queue.claim(T, "w", 9, LATER)) == []


def test_held_deliveries_of_a_deleted_webhook_are_cancelled(store: Any) -> None:
    store.run(store.save_webhook("w", ordering=Ordering.STRICT))
    store.accept("e1", "e2", "e3")
    store.run(store.book.delete_webhook(T, "w", 5, store.version()))
    while store.run(store.queue.cancel(T, "w", 2, 60)):
        pass
    assert store.run(store.queue.size(T)) == 0
    rows = store.run(store.ledger.deliveries(T, DeliveryQuery(state="cancelled"), None, 10))
    assert [row.event for row in rows] == ["e3", "e2", "e1"]


def test_health_is_kept_with_the_outcome_that_changed_it(store: Any) -> None:
    delivery = store.accept("e1", lease=True).deliveries[0]
    health = Health(Circuit.OPEN, 10, 1, 2, 3, 1)
    settle(store, delivery, Line.ATTEMPTED, 9_000, health=health)
    assert store.run(store.queue.healths()) == {"w": health}
    assert store.run(store.ledger.healths(T)) == {"w": health}
    assert store.run(store.ledger.healths("another")) == {}


def test_the_newest_id_is_known(store: Any) -> None:
    assert store.run(store.queue.newest()) is None
    store.accept("e2", "e1")
    assert store.run(store.queue.newest()) == "d-e2"


def test_webhooks_are_known_as_they_were(store: Any) -> None:
    store.accept("e1")
    store.run(store.save_webhook("w", events=("Register",)))
    store.run(store.save_webhook("w2"))
    store.accept("e2")
    store.run(store.book.delete_webhook(T, "w", 5, store.version()))
    store.accept("e3", webhook="w2")
    then = [store.run(store.ledger.webhooks_then(T, e)) for e in ("e1", "e2", "e3")]
    assert [past["w"].webhook and past["w"].webhook.events for past in then] == [("Login",), ("Register",), None]
    assert [past["w2"].created for past in then] == [False, True, True]
    assert then[2]["w"].created


def started(store: Any, kind: JobKind, **more: Any) -> Job:
    selection = Selection(kind, T, "w", **more)
    start, end = store.run(store.database.jobs.bounds(selection))
    job = Job("a1", selection, start, end, start, 1)
    store.run(store.database.jobs.add(job))
    return job


def chosen(store: Any, kind: JobKind, **more: Any) -> list[str]:
    selection = Selection(kind, T, "w", **more)
    place, end = store.run(store.database.jobs.bounds(selection))
    found: list[str] = []
    stretch = Stretch((), place, selection.begins, done=place >= end)
    while not stretch.done:
        before = stretch.place, stretch.at
        stretch = store.run(store.database.jobs.stretch(selection, stretch.place, end, stretch.at))
        found += [event.id for event in stretch.events]
        assert (stretch.place, stretch.at) != before
    assert stretch.place == end
    return found


def test_selections(store: Any) -> None:
    done, failed, again = (store.accept(e, lease=True).deliveries[0] for e in ("e1", "e2", "e3"))
    settle(store, done, Line.DELIVERED)
    settle(store, failed, Line.EXHAUSTED)
    settle(store, again, Line.EXHAUSTED)
    store.run(store.database.jobs.enqueue(owe_again(store.event("e3"), "w", "d-f", 9, "resend:d-e3")))
    store.accept("skipped", skip=True)
    store.run(store.save_webhook("w2"))
    store.accept("other", webhook="w2", type="Register", subject="v")
    assert chosen(store, JobKind.RETRY_FAILED) == ["e2"]
    assert chosen(store, JobKind.RETRY_FAILED, since=51) == []
    assert chosen(store, JobKind.SEND_MISSED) == ["other"]
    assert chosen(store, JobKind.REPLAY) == ["e1", "e2", "e3", "other"]
    assert chosen(store, JobKind.REPLAY, events=("Register",)) == ["other"]
    assert chosen(store, JobKind.REPLAY, subject="u", since=1_002, until=1_003) == ["e2"]


def test_jobs_see_everything_once_after_a_clock_was_set_back(store: Any) -> None:
    """More than a stretch holds, and what was stored last is not the newest."""
    ids = [f"e{n:04}" for n in range(600)]
    for first in (400, 200, 0):
        store.clock = 2_000 + first
        store.accept(*ids[first : first + 200])
    assert chosen(store, JobKind.REPLAY) == ids


def test_a_job_of_a_version_that_kept_no_instants_goes_on(store: Any) -> None:
    for first in range(0, 600, 200):
        store.accept(*(f"e{n:04}" for n in range(first, first + 200)))
    selection = Selection(JobKind.REPLAY, T, "w")
    jobs = store.database.jobs
    place, end = store.run(jobs.bounds(selection))
    begun = store.run(jobs.stretch(selection, place, end, selection.begins))
    rest = store.run(jobs.stretch(selection, begun.place, end))
    assert [event.id for event in rest.events] == [f"e{n:04}" for n in range(200, 400)]


def test_long_pasts_come_in_stretches(store: Any) -> None:
    for first in range(0, 1_000, 250):
        store.accept(*(f"e{n:04}" for n in range(first, first + 250)))
    assert chosen(store, JobKind.REPLAY) == [f"e{n:04}" for n in range(1_000)]


def test_a_job_advances_once_from_each_place(store: Any) -> None:
    store.accept("e1")
    jobs = store.database.jobs
    job = started(store, JobKind.REPLAY)
    made = owe_again(store.event("e1"), "w", "d-f", 9, "job:a1")
    after = msgspec.structs.replace(job, place=1, made=1)
    assert store.run(jobs.advance(job, after, [made]))
    assert not store.run(jobs.advance(job, after, [msgspec.structs.replace(made, id="d-g")]))
    assert store.run(store.queue.size(T)) == 2
    assert store.run(jobs.running()) == [after]
    cancelled = store.run(jobs.cancel(T, "a1", 7, "enough"))
    assert (cancelled.state, cancelled.made, cancelled.reason) == (JobState.CANCELLED, 1, "enough")
    assert not store.run(jobs.advance(after, msgspec.structs.replace(after, place=2), []))
    assert store.run(jobs.running()) == []
    assert store.run(jobs.job("another", "a1")) is None
    assert store.run(jobs.jobs(T, None, 10)) == [cancelled]
    assert store.run(jobs.cancel(T, "nope", 7, "")) is None


def test_what_waits_is_hastened(store: Any) -> None:
    delivery = store.accept("e1", lease=True).deliveries[0]
    assert not store.run(store.database.jobs.hasten(T, "d-e1", 60))  # under way
    settle(store, delivery, Line.ATTEMPTED, 9_000)
    assert not store.run(store.database.jobs.hasten("another", "d-e1", 60))
    assert store.run(store.database.jobs.hasten(T, "d-e1", 60))
    assert ids(store.run(store.queue.claim(T, "w", 9, 60))) == ["d-e1"]
