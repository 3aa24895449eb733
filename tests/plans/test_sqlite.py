"""At a million rows every list, claim, settlement and rescue reads next to nothing but what it returns.

SQLite counts the steps of its virtual machine. A row that is looked at and not returned costs at least
FEWEST_STEPS, a returned one what a list without any filter costs for each; what is beyond that was read in vain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from outrider.domain.delivery import Line, Step
from outrider.domain.model import Tenant, Webhook
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import Settlement
from outrider.ports.system import About
from outrider.store.sqlite.database import SqliteDatabase, open_database
from plans.million_sqlite import ONE_OF_MANY, RARE, ROWS, SECOND, START, fill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FEWEST_STEPS = 5
FIXED = 100  # rows' worth: starting the statements of a list, seeking in each
DAY_ = (START + 200_000 * SECOND, START + 200_300 * SECOND)  # five minutes long ago
LATER = START + 2 * ROWS * SECOND


class Million:
    """The store, and what the statements of a call cost."""

    def __init__(self, path: str, database: SqliteDatabase, run: Callable[[Any], Any]) -> None:
        self.path = path
        self.database = database
        self.run = run
        self._steps = 0
        self._until_now: dict[int, int] = {}  # steps of each statement
        self.pages = 0  # that readers looked up in the last call
        for connection in (*database._readers._idle, database._connection):
            connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._note)

    def _note(self, event: dict[str, Any]) -> None:
        """Counters go on for as long as a statement is kept."""
        runs, steps = (event["stmt_status"][f"SQLITE_STMTSTATUS_{name}"] for name in ("RUN", "VM_STEP"))
        self._steps += steps - (self._until_now[event["id"]] if runs > 1 else 0)
        self._until_now[event["id"]] = steps

    def cost(self, call: Any) -> tuple[Any, int]:
        self._steps = 0
        before = self._looked_up()
        found = self.run(call)
        self.pages = self._looked_up() - before
        return found, self._steps

    def _looked_up(self) -> int:
        kinds = (apsw.SQLITE_DBSTATUS_CACHE_HIT, apsw.SQLITE_DBSTATUS_CACHE_MISS)
        return sum(c.status(kind)[0] for c in self.database._readers._idle for kind in kinds)


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Million]:
    path = str(tmp_path_factory.mktemp("million") / "outrider.db")
    with asyncio.Runner() as runner:
        runner.run(make_schema(path))
        fill(path)
        database = runner.run(opened(path))
        subscribe(database, runner.run, (*(f"w{n}" for n in range(10)), "w-rare"))
        yield Million(path, database, runner.run)
        runner.run(database.close())


async def opened(path: str) -> SqliteDatabase:
    return await open_database(path, "process", now=lambda: LATER, about=About("host", 1, "0", (), 0))


def subscribe(database: SqliteDatabase, run: Callable[[Any], Any], webhooks: tuple[str, ...]) -> None:
    for tenant in ("a", "b"):
        run(database.book.add_tenant(Tenant(tenant, tenant, tenant, "sealed", 0)))
    for version, name in enumerate(webhooks, start=1):
        hook = Webhook(name, "a", name, ("Type1",), "https://a.example", "", None, None, None, 0, 0)
        run(database.book.save_webhook(hook, version))


async def make_schema(path: str) -> None:
    await (await opened(path)).close()


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
        subscribe(database, million.run, ("w3",))
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
