"""At a million rows every list, claim, settlement and rescue reads next to nothing but what it returns.

SQLite counts the steps of its virtual machine. A row that is looked at and not returned costs at least
FEWEST_STEPS, a returned one what a list without any filter costs for each; what is beyond that was read in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.domain.delivery import NEVER, Line, Step
from outrider.domain.job import JobKind, Selection
from outrider.ports.jobs import Stretch
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import Settlement
from outrider.store.sqlite.jobs import FOUND, LOOKED_AT
from outrider.store.sqlite.upkeep import AT_ONCE
from plans.million_sqlite import LATER, ONE_OF_MANY, RARE, ROWS, SECOND, START, THOUSAND, Million, opened, subscribe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FEWEST_STEPS = 5
FIXED = 100  # rows' worth: starting the statements of a list, seeking in each
DAY_ = (START + 200_000 * SECOND, START + 200_300 * SECOND)  # five minutes long ago


@pytest.fixture
def million(sqlite_million: Million) -> Million:
    return sqlite_million


def reads_little(million: Million, call: Callable[[int], Any], bare: Callable[[int], Any]) -> list[Any]:
    """Asserts the bound for a page of 100; returns the page. `bare` is the same list without a filter."""
    plain, steps = million.cost(bare(100))
    each = steps / len(plain)
    found, steps = million.cost(call(100))
    in_vain = (steps - each * len(found)) / FEWEST_STEPS
    assert in_vain <= 2 * len(found) + FIXED, (len(found), steps, each)
    return found


EVENTS = {
    "type": EventQuery(type="Type1"),
    "rare type": EventQuery(type="Rare"),
    "no such type": EventQuery(type="None"),
    "subject": EventQuery(subject="s77"),
    "rare subject": EventQuery(subject="s-rare"),
    "since": EventQuery(since=START + (ROWS - 20) * SECOND),
    "until": EventQuery(until=START + 30 * SECOND),
    "span": EventQuery(since=DAY_[0], until=DAY_[1]),
    "type in a span": EventQuery(type="Type1", since=DAY_[0], until=DAY_[1]),
    "subject in a span": EventQuery(subject="s77", since=START, until=DAY_[1]),
    "an empty span": EventQuery(since=LATER, until=LATER + 1),
}


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("tenant", ["a", "b"])
def test_lists_of_events(million: Million, tenant: str, name: str) -> None:
    ledger = million.database.ledger
    found = reads_little(
        million,
        lambda limit: ledger.events(tenant, EVENTS[name], None, limit),
        lambda limit: ledger.events(tenant, EventQuery(), None, limit),
    )
    if name == "rare type" and tenant == "a":
        assert len(found) == ROWS // RARE


STATES = (None, "waiting", "delivered", "exhausted", "cancelled")
DELIVERIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "type": {"type": "Type1"},
    "rare type": {"type": "Rare"},
    "no such type": {"type": "None"},
    "subject": {"subject": "s77"},
    "rare subject": {"subject": "s-rare"},
    "webhook": {"webhook": "w3"},
    "rare webhook": {"webhook": "w-rare"},
    "no such webhook": {"webhook": "none"},
    "webhook and type": {"type": "Type3", "webhook": "w3"},
    "webhook and type that never meet": {"type": "Type1", "webhook": "w3"},
    "webhook and rare type": {"type": "Rare", "webhook": "w1"},
    "rare webhook and type": {"type": "Type3", "webhook": "w-rare"},
    "webhook and type in a span": {"type": "Type3", "webhook": "w3", "since": DAY_[0], "until": DAY_[1]},
    "event": {"event": "e777"},
    "event and webhook": {"event": "e777", "webhook": "w7"},
    "since": {"since": START + (ROWS - 20) * SECOND},
    "until": {"until": START + 30 * SECOND},
    "span": {"since": DAY_[0], "until": DAY_[1]},
    "type in a span": {"type": "Type1", "since": DAY_[0], "until": DAY_[1]},
    "webhook in a span": {"webhook": "w3", "since": DAY_[0], "until": DAY_[1]},
    "an empty span": {"since": LATER, "until": LATER + 1},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", DELIVERIES)
def test_lists_of_deliveries(million: Million, name: str, state: str | None) -> None:
    ledger = million.database.ledger
    reads_little(
        million,
        lambda limit: ledger.deliveries("a", DeliveryQuery(state=state, **DELIVERIES[name]), None, limit),
        lambda limit: ledger.deliveries("a", DeliveryQuery(state=state), None, limit),
    )


BESIDE_A_SUBJECT: tuple[dict[str, Any], ...] = (
    {"type": "Type1"},
    {"type": "Rare"},
    {"type": "None"},
    {"webhook": "w3"},
    {"webhook": "w-rare"},
    {"webhook": "w3", "type": "Type3"},
    {"webhook": "w3", "type": "Type1"},  # no delivery has both
)


def passed_over(million: Million, call: Any, bare: Any) -> None:
    """Asserts that what the subject has of other values is passed over in its index: each of those rows read would
    cost as many pages as a returned one, and here a page is read for twenty or more entries."""
    plain, _ = million.cost(bare)
    each = million.pages / len(plain)
    found, _ = million.cost(call)
    assert million.pages <= 3 * each * len(found) + FIXED + 2 * ROWS / ONE_OF_MANY / 20, (len(found), million.pages)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("given", BESIDE_A_SUBJECT, ids=str)
def test_lists_of_deliveries_with_more_than_a_subject(
    million: Million, given: dict[str, Any], state: str | None
) -> None:
    ledger = million.database.ledger
    passed_over(
        million,
        ledger.deliveries("a", DeliveryQuery(subject="s-many", state=state, **given), None, 100),
        ledger.deliveries("a", DeliveryQuery(state=state), None, 100),
    )


@pytest.mark.parametrize("kind", ["Type1", "Rare", "None"])
def test_lists_of_events_by_subject_and_type(million: Million, kind: str) -> None:
    ledger = million.database.ledger
    passed_over(
        million,
        ledger.events("a", EventQuery(subject="s-many", type=kind), None, 100),
        ledger.events("a", EventQuery(), None, 100),
    )


def test_later_pages_cost_what_the_first_does(million: Million) -> None:
    ledger, before = million.database.ledger, f"{START + 500_000 * SECOND:012x}"
    place = f"{before[:8]}-{before[8:]}"
    reads_little(
        million,
        lambda limit: ledger.deliveries("a", DeliveryQuery(type="Type1"), place, limit),
        lambda limit: ledger.deliveries("a", DeliveryQuery(), None, limit),
    )


def test_the_lines_of_a_delivery(million: Million) -> None:
    some = million.run(million.database.ledger.deliveries("a", DeliveryQuery(state="delivered"), None, 1))[0]
    found, steps = million.cost(million.database.ledger.lines("a", some.id))
    assert len(found) == 1
    assert steps < 100


def costs(store: Million, count: int) -> dict[str, int]:
    """Steps of claiming so many, of settling them, and of releasing half of them after their holder died."""
    queue, half = store.database.queue, count // 2
    claimed, claim = store.cost(queue.claim("a", "w3", count, LATER))
    assert len(claimed) == count
    outcomes = [Settlement(d, Step(Line.ATTEMPTED, 2, LATER), 50, "why") for d in claimed[:half]]
    outcomes += [Settlement(d, Step(Line.DELIVERED, 2, None), 50, "why") for d in claimed[half:]]
    settled, settle = store.cost(queue.settle(outcomes))
    assert settled.lost == frozenset()
    assert len(store.run(queue.claim("a", "w3", half, LATER))) == half
    queue._alone = False  # as after a restart: whoever held leases before is dead
    queue._incarnation = f"after {queue._incarnation}"
    pulse, rescue = store.cost(queue.heartbeat(6_000))
    assert pulse.released == half
    return {"claim": claim, "settle": settle, "rescue": rescue}


@pytest.fixture
def with_nothing_else(million: Million, tmp_path: Path) -> Iterator[Callable[[int], Million]]:
    """Makes a store that holds so many deliveries that wait for a webhook, their events, and nothing else."""
    made = []

    def make(count: int) -> Million:
        database = million.run(opened(str(tmp_path / f"{count}.db")))
        made.append(database)
        million.run(subscribe(database, "w3"))
        connection = database._connection
        connection.execute("ATTACH ? AS million", (million.path,))
        connection.execute(
            "INSERT INTO queue SELECT * FROM million.queue WHERE webhook = 'w3' AND lease IS NULL LIMIT ?", (count,)
        )
        connection.execute("INSERT INTO event SELECT * FROM million.event WHERE id IN (SELECT event FROM queue)")
        connection.execute("DETACH million")
        return Million(str(tmp_path / f"{count}.db"), database, million.run)

    yield make
    for database in made:
        million.run(database.close())


def test_claim_settle_and_rescue(million: Million, with_nothing_else: Callable[[int], Million]) -> None:
    """Among a million they read what they read where there is nothing else: each delivery once, by index."""
    million.run(million.database.queue.release())
    few, many = costs(with_nothing_else(100), 100), costs(with_nothing_else(200), 200)
    found = costs(million, 200)
    for name, steps in found.items():
        assert steps <= many[name] + 10 * FEWEST_STEPS, (name, found, many)
        assert many[name] <= 2 * few[name], (name, many, few)


def test_what_runs_now_and_then(million: Million) -> None:
    queue, hooks = million.database.queue, 11
    found, steps = million.cost(queue.backlogs())
    assert {backlog.webhook for backlog in found} == {f"w{n}" for n in range(10)} | {"w-rare"}
    assert steps < hooks * 200
    version = million.run(million.database.book.tenant("a")).version
    million.run(million.database.book.delete_webhook("a", "w-rare", 1, version))
    found, steps = million.cost(queue.deleted_webhooks())
    assert found == [("a", "w-rare")]
    assert steps < 200
    cancelled, steps = million.cost(queue.cancel("a", "w-rare", 10, 60))
    assert cancelled == 10
    assert steps < 10 * 400


def walked(million: Million, selection: Selection, begin: Stretch | None = None) -> tuple[Stretch, int]:
    """The next stretch of a job, and its steps."""
    jobs = million.database.jobs
    place, end = million.run(jobs.bounds(selection))
    before = begin or Stretch((), place, selection.begins)
    stretch, steps = million.cost(jobs.stretch(selection, before.place, end, before.at))
    return stretch, steps


SELECTIONS = {
    "replay": Selection(JobKind.REPLAY, "a", "w1"),
    "replay by type": Selection(JobKind.REPLAY, "a", "w1", events=("Type1", "Type2", "Rare", "None")),
    "replay by subject": Selection(JobKind.REPLAY, "a", "w1", subject="s-many"),
    "replay since": Selection(JobKind.REPLAY, "a", "w1", since=DAY_[0]),
    "replay of a small tenant": Selection(JobKind.REPLAY, "b", "w1"),
    "missed": Selection(JobKind.SEND_MISSED, "a", "new", events=("Type1", "Type2")),
    "failed since": Selection(JobKind.RETRY_FAILED, "a", "w7", since=DAY_[0]),
}
EACH = 250  # steps for an event that is looked at: skipped, had, waiting, and the event itself


@pytest.mark.parametrize("name", SELECTIONS)
def test_jobs_read_what_they_return(million: Million, name: str) -> None:
    """At the beginning, and from where they come to; nothing is read or sorted again."""
    stretch = None
    for _ in range(3):
        stretch, steps = walked(million, SELECTIONS[name], stretch)
        looked_at = max(len(stretch.events), 1 if name != "failed since" else LOOKED_AT)
        assert steps <= EACH * (looked_at + FIXED), (name, steps, len(stretch.events))
        assert not stretch.done or name == "failed since"


def test_a_job_that_finds_nothing_stops_looking(million: Million) -> None:
    """`w3` had a delivery of every event of `Type3` that it has not waiting."""
    selection = Selection(JobKind.SEND_MISSED, "a", "w3", events=("Type3",))
    stretch, steps = walked(million, selection)
    assert steps <= EACH * LOOKED_AT
    assert not stretch.done


@pytest.mark.parametrize("chosen", [{"events": ("Rare",)}, {"subject": "s-rare"}], ids=str)
def test_a_job_finds_what_is_rare_at_once(million: Million, chosen: dict[str, Any]) -> None:
    stretch, steps = walked(million, Selection(JobKind.REPLAY, "a", "w1", **chosen))
    assert stretch.done
    assert len(stretch.events) == ROWS // RARE
    assert steps <= EACH * (len(stretch.events) + FIXED)


def test_a_job_over_everything_sees_everything(million: Million) -> None:
    """Of the small tenant: each event once, but for those that were skipped."""
    stretch, found, looks = None, [], 0
    while stretch is None or not stretch.done:
        stretch, _ = walked(million, SELECTIONS["replay of a small tenant"], stretch)
        found += [event.id for event in stretch.events]
        looks += 1
    expected = [f"e{n}" for n in range(20, ROWS + 1, 20) if n % 100_000 and n % 500 != 11]
    assert found == expected
    assert looks <= len(found) / FOUND + 2


def test_retention_reads_what_it_drops(million: Million) -> None:
    """Everything is owed here, so nothing goes; what is younger is not looked at."""
    upkeep = million.database.upkeep
    _, none = million.cost(upkeep.tend(START))
    _, some = million.cost(upkeep.tend(START + 1_000 * SECOND))
    assert none <= EACH * FIXED + 20 * (THOUSAND + AT_ONCE)  # a seek for each tenant, and a piece of the ledger
    assert some <= none + EACH * 1_000


def test_what_is_quarantined(million: Million) -> None:
    """Ten among a million: their list and their count read them and nothing else."""
    queue, ledger = million.database.queue, million.database.ledger
    claimed = million.run(queue.claim("a", "w5", 10, LATER))
    outcomes = [Settlement(d, Step(Line.QUARANTINED, 0, NEVER), 50, "why") for d in claimed]
    million.run(queue.release(million.run(queue.settle(outcomes)).promoted))
    found, steps = million.cost(queue.quarantined("a"))
    assert found == 10
    assert steps < 200
    for query in ({}, {"webhook": "w5"}, {"type": "Type1"}):
        _, steps = million.cost(ledger.deliveries("a", DeliveryQuery(state="quarantined", **query), None, 100))
        assert steps < 10 * 200
    assert len(million.run(ledger.deliveries("a", DeliveryQuery(state="quarantined"), None, 100))) == 10
