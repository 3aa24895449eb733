"""How much the plans of PostgreSQL read, with a million rows in every large table.

Rows are counted where tables are read, by `EXPLAIN ANALYZE` of the very statements with the very values. At most
three times as much is read as is returned, whatever is asked for at once: a list reads a page of what waits, the
names of its webhooks, and a page of what ended. `FEW` is for what does not depend on that: the first row of each
partition that is merged, and finding out where to look.
"""

from __future__ import annotations

from typing import Any

import pytest

from outrider.domain.clock import DAY
from outrider.domain.delivery import NEVER, Line, Step
from outrider.domain.ids import uuid7
from outrider.domain.job import JobKind, Selection
from outrider.domain.model import Acceptance, Delivery, Event
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import Settlement
from outrider.store.postgres.nodes import _take_over
from outrider.store.postgres.past import FOUND, LOOKED_AT
from plans.million_postgres import Million

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
FEW = 50
PAGE = 50
BATCH = 200
T = "big"
LATER = 10**13
KEYS: list[dict[str, str]] = [
    {},
    *({"type": name} for name in ("Login", "Register", "OldType", "RareType", "T03", "None")),
    *({"subject": name} for name in ("everybody", "gone", "u500", "u99999", "none")),
    *({"webhook": name} for name in ("common", "old", "failing", "rare", "w20", "w05", "unused", "none")),
    # Several at once: where each is common and both are or are not, and where one is rare.
    *({"type": name, "webhook": "common"} for name in ("Login", "OldType", "RareType", "None")),
    {"type": "OldType", "webhook": "failing"},
    {"type": "Login", "webhook": "rare"},
    *({"subject": "everybody", "type": name} for name in ("Login", "OldType", "RareType", "None")),
    *({"subject": "everybody", "webhook": name} for name in ("common", "old", "rare", "unused")),
    *({"subject": "everybody", "webhook": "common", "type": name} for name in ("Login", "OldType", "RareType")),
]
STATES = (None, "waiting", "delivered", "exhausted", "cancelled")
SPANS = {
    "always": (None, None),
    "lately": (DAY // 2, None),
    "until long ago": (None, 15 * DAY),
    "a day": (10 * DAY, 9 * DAY),
    "before anything": (25 * DAY, 21 * DAY),
}


@pytest.fixture
def million(postgres_million: Million) -> Million:
    return postgres_million


def span(million: Million, name: str) -> dict[str, int]:
    since, until = SPANS[name]
    ages = {"since": since, "until": until}
    return {field: million.now - age for field, age in ages.items() if age is not None}


def named(query: Any) -> str:
    return ", ".join(f"{field}={value}" for field, value in query.items()) or "nothing asked"


@pytest.mark.parametrize("name", SPANS)
def test_events(million: Million, name: str) -> None:
    for key in KEYS:
        if "webhook" not in key:
            query = EventQuery(**key, **span(million, name))
            found, rows = million.read(million.ledger.events(T, query, None, PAGE))
            assert rows <= 3 * len(found) + FEW, named(key)


@pytest.mark.parametrize("name", SPANS)
@pytest.mark.parametrize("state", STATES)
def test_deliveries(million: Million, state: str | None, name: str) -> None:
    for key in KEYS:
        query = DeliveryQuery(**key, state=state, **span(million, name))
        found, rows = million.read(million.ledger.deliveries(T, query, None, PAGE))
        assert rows <= 3 * len(found) + FEW, named(key)


def test_lists_page_by_page(million: Million) -> None:
    several = {"webhook": "common", "type": "Register"}, {"subject": "everybody", "type": "Register"}
    for key in ({}, {"type": "Register"}, {"webhook": "failing"}, {"subject": "everybody"}, *several):
        before = None
        for _ in range(5):
            found, rows = million.read(million.ledger.deliveries(T, DeliveryQuery(**key), before, PAGE))
            assert len(found) == PAGE
            assert rows <= 3 * PAGE + FEW, named(key)
            before = found[-1].id


def test_lists_before_there_are_statistics(million: Million) -> None:
    """As in the first minutes of a day, whose partitions nobody has analyzed."""
    if not million.superuser:
        pytest.skip("only a superuser can take statistics away")
    million.explained.without_statistics = True
    try:
        for key in KEYS:
            found, rows = million.read(million.ledger.deliveries(T, DeliveryQuery(**key), None, PAGE))
            assert rows <= 3 * len(found) + FEW, named(key)
            if "webhook" not in key:
                events, rows = million.read(million.ledger.events(T, EventQuery(**key), None, PAGE))
                assert rows <= 3 * len(events) + FEW, named(key)
        for event in some_events(million):
            asked = DeliveryQuery(event=event, webhook="common")
            found, rows = million.read(million.ledger.deliveries(T, asked, None, PAGE))
            assert rows <= 3 * len(found) + FEW, event
    finally:
        million.explained.without_statistics = False


def some_events(million: Million) -> list[str]:
    """The oldest, the newest, one in the middle and one there never was."""
    ids = "SELECT id FROM event WHERE tenant = $1 AND place >= $2 ORDER BY place {} LIMIT 1"
    middle = million.now - 10 * DAY << 20
    found = [(ids.format("ASC"), 0), (ids.format("ASC"), middle), (ids.format("DESC"), 0)]
    return [million.ask(query, T, place)[0][0] for query, place in found] + ["none"]


def test_what_one_event_came_to(million: Million) -> None:
    ledger = million.ledger
    for event in some_events(million):
        for webhook in (None, "common", "failing", "none"):
            found, rows = million.read(
                ledger.deliveries(T, DeliveryQuery(event=event, webhook=webhook), None, PAGE)
            )
            assert rows <= 3 * len(found) + FEW
        for call in (ledger.event(T, event), ledger.skips(T, event)):
            assert million.read(call)[1] <= FEW
        then, rows = million.read(ledger.webhooks_then(T, event))
        assert rows <= 3 * len(then) + FEW


def test_one_delivery(million: Million) -> None:
    ledger = million.ledger
    ended = million.ask("SELECT delivery FROM ledger WHERE tenant = $1 AND line = 'exhausted' LIMIT 1", T)[0][0]
    held = million.ask("SELECT id FROM queue WHERE tenant = $1 AND held LIMIT 1", T)[0][0]
    assert million.run(ledger.delivery(T, ended)) is not None
    assert million.run(ledger.held_behind(T, held)) is not None
    for delivery in (ended, held, "none"):
        for call in (ledger.delivery(T, delivery), ledger.lines(T, delivery), ledger.held_behind(T, delivery)):
            assert million.read(call)[1] <= FEW


def test_claims_and_settlements(million: Million) -> None:
    for webhook in ("common", "w02", "w05", "old", "rare", "unused"):
        claimed, rows = million.read(million.queue.claim(T, webhook, BATCH, LATER))
        assert rows <= 3 * len(claimed) + FEW, webhook
        outcomes = [Step(Line.DELIVERED, 1, None), Step(Line.ATTEMPTED, 1, LATER)]
        settlements = [Settlement(d, outcomes[n % 2], million.now) for n, d in enumerate(claimed)]
        settled, rows = million.read(million.queue.settle(settlements))
        assert not settled.lost
        # Those of `w05` have order keys: what waits behind each that ended is looked at, and leased with its body.
        ordered = 4 * len(claimed) if webhook == "w05" else 0
        assert rows <= 3 * len(claimed) + ordered + FEW, webhook
        given, rows = million.read(million.queue.release(settled.promoted))
        assert given == len(settled.promoted)
        assert rows <= 3 * given + FEW


def test_backlogs(million: Million) -> None:
    found, rows = million.read(million.queue.backlogs())
    assert len(found) > 20
    assert rows <= 3 * len(found) + FEW


def test_rescue(million: Million) -> None:
    """Of a process that is dead, and of this one when it stops."""
    dead = million.ask("SELECT count(*) FROM queue WHERE lease = 'dead'")[0][0]
    million.run(million.queue.heartbeat(20_000))
    released, rows = million.read(million.explained.in_transaction(lambda c: _take_over(c, 20_000)))
    assert released == dead > 50
    assert rows <= 3 * released + FEW
    released, rows = million.read(million.queue.release())
    assert released > 50
    assert rows <= 3 * released + FEW


def test_what_is_owed_to_deleted_webhooks(million: Million) -> None:
    found, rows = million.read(million.queue.deleted_webhooks())
    assert (T, "w20") in found
    assert rows <= 3 * len(found) + FEW
    ended, rows = million.read(million.queue.cancel(T, "w20", BATCH, million.now))
    assert ended == BATCH
    assert rows <= 3 * ended + FEW


def test_what_is_quarantined(million: Million) -> None:
    claimed, _ = million.read(million.queue.claim(T, "common", BATCH, LATER))
    outcomes = [Settlement(d, Step(Line.QUARANTINED, 0, NEVER), million.now, "why") for d in claimed]
    _, rows = million.read(million.queue.settle(outcomes))
    assert rows <= 6 * len(claimed) + FEW
    count, rows = million.read(million.queue.quarantined(T))
    assert count == len(claimed)
    assert rows <= count + FEW
    query = DeliveryQuery(state="quarantined")
    found, rows = million.read(million.ledger.deliveries(T, query, None, PAGE))
    assert len(found) == min(PAGE, len(claimed)) > 0
    assert rows <= 3 * len(found) + FEW


def test_the_newest(million: Million) -> None:
    assert million.read(million.queue.newest())[1] <= FEW


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize("name", SPANS)
def test_bounds_of_jobs(million: Million, kind: JobKind, name: str) -> None:
    selection = Selection(kind, T, "common", **span(million, name))
    assert million.read(million.jobs.bounds(selection))[1] <= FEW


def looked_at(million: Million, selection: Selection, after: int, upto: int) -> int:
    """How many events or lines lie in a stretch."""
    if selection.kind is JobKind.RETRY_FAILED:
        lines = "SELECT count(*) FROM ledger WHERE line = 'exhausted' AND webhook = $4 AND "
        bindings = [selection.webhook]
    else:
        lines, bindings = "SELECT count(*) FROM event WHERE ", []
    where = "tenant = $1 AND place > $2 AND place <= $3"
    return int(million.ask(lines + where, selection.tenant, after, upto, *bindings)[0][0])


@pytest.mark.parametrize(
    ("kind", "webhook"),
    [(JobKind.REPLAY, "common"), (JobKind.SEND_MISSED, "w01"), (JobKind.RETRY_FAILED, "failing")],
)
@pytest.mark.parametrize(
    "more", [{}, {"events": ("RareType",)}, {"subject": "gone"}, {"subject": "none"}], ids=named
)
def test_stretches_of_jobs(million: Million, kind: JobKind, webhook: str, more: dict[str, Any]) -> None:
    """Whatever is looked at is looked up in four other tables at most, and so much of it at a time."""
    selection = Selection(kind, T, webhook, **more)
    place, end = million.run(million.jobs.bounds(selection))
    for _ in range(3):
        stretch, rows = million.read(million.jobs.stretch(selection, place, end))
        looked = looked_at(million, selection, place, stretch.place)
        assert 0 < looked <= LOOKED_AT
        assert rows <= 5 * looked + FEW
        if not more:
            assert FOUND // 2 < len(stretch.events) <= FOUND
        place = stretch.place


TENANT_TABLES = ("queue", "event", "ledger", "event_id", "webhook")


def test_the_hot_path_asks_for_one_tenant(million: Million) -> None:
    """Every table is read by the tenant first, or by where rows lie that were found so in the same statement."""
    million.explained.clear()
    event = Event(uuid7(million.now, b"0123456789"), T, "Login", "u1", None, million.now, million.now, b"{}", b"f")
    delivery = Delivery(uuid7(million.now, b"9876543210"), T, "w02", event.id, "Login", "u1", b"{}", 0, million.now)
    million.run(million.queue.accept(Acceptance(T, 1, (event,), (delivery,), (), frozenset({delivery.id}))))
    million.run(million.queue.settle([Settlement(delivery, Step(Line.DELIVERED, 1, None), million.now)]))
    claimed = million.run(million.queue.claim(T, "w05", BATCH, LATER))
    outcome = Step(Line.EXHAUSTED, 1, None)
    settled = million.run(million.queue.settle([Settlement(d, outcome, million.now) for d in claimed]))
    assert settled.promoted
    scans = [scan for one in million.explained.statements for scan in one.scans]
    read = [scan for scan in scans if scan.table.split("_2")[0].removesuffix("_default") in TENANT_TABLES]
    assert {scan.table for scan in read} >= {"queue", "event_id", "webhook"}
    for scan in read:
        assert scan.kind == "Tid Scan" or "(tenant = " in scan.condition, scan
