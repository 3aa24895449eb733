"""Lists over a hundred days, page by page, against what was stored: every filter, combined, and no row twice."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from conformance.conftest import TENANT, Store
from outrider.domain.clock import DAY, HOUR
from outrider.domain.delivery import Line, Step
from outrider.domain.ids import uuid7
from outrider.domain.model import Acceptance, Delivery, Event
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import Settlement

NOW = time.time_ns() // 1_000_000
DAYS = 100
EVENTS = 150
PAGE = 17
LATER = 10**13
TYPES = ("Login", "Register", "None")
SUBJECTS = ("s1", "s2", "nobody")
WEBHOOKS = ("w", "w2", "w3")
STATES = ("waiting", "delivered", "exhausted", "cancelled")
EDGES = (NOW - 80 * DAY, NOW - 40 * DAY, NOW - DAY)


class Made:
    """What was stored: events in the order they were accepted in, deliveries with their states."""

    def __init__(self, store: Store) -> None:
        self._dice = random.Random(5)  # noqa: S311 - the same data every time
        self.events: list[Event] = []
        self.deliveries: list[tuple[Delivery, str]] = []
        self._numbers = itertools.count()
        store.make_days(*(NOW // DAY * DAY - day * DAY for day in range(DAYS + 2)))
        store.run(store.save_webhook("w2"))
        for number in range(EVENTS):
            # Every third with the one before: at the same instant there are several.
            self._add(store, NOW - DAYS * DAY + (number - number % 3) * (DAYS * DAY // EVENTS))

    def _add(self, store: Store, at: int) -> None:
        dice = self._dice
        subject = dice.choice([*SUBJECTS[:2], None])
        identity = uuid7(at, next(self._numbers).to_bytes(10, "big"))
        event = Event(identity, TENANT, dice.choice(TYPES[:2]), subject, None, at, at, b"{}", b"f")
        owed = [self._owed(event, webhook) for webhook in WEBHOOKS[: dice.randrange(3)]]
        leased = frozenset(d.id for d in owed)
        store.run(store.queue.accept(Acceptance(TENANT, store.version(), (event,), tuple(owed), (), leased)))
        self.events.append(event)
        states = [dice.choice(STATES) for _ in owed]
        steps = [Step(Line.ATTEMPTED, 1, LATER) if s == "waiting" else Step(Line(s), 1, None) for s in states]
        outcomes = [Settlement(d, step, at + 50) for d, step in zip(owed, steps, strict=True)]
        kept = [outcome for outcome in outcomes if dice.random() < 0.9]  # the others stay leased
        store.run(store.queue.settle(kept))
        ended = {outcome.delivery.id for outcome in kept}
        self.deliveries += [(d, s if d.id in ended else "waiting") for d, s in zip(owed, states, strict=True)]

    def _owed(self, event: Event, webhook: str) -> Delivery:
        """Some with ids that are ahead, because a clock was set back."""
        ahead = self._dice.choice([3, 200, HOUR, 30 * HOUR])
        identity = uuid7(event.accepted + ahead, next(self._numbers).to_bytes(10, "big"))
        return Delivery(identity, TENANT, webhook, event.id, event.type, event.subject, b"{}", 0, event.accepted)


def all_pages(store: Store, page: Callable[[Any], Any], key: Callable[[Any], Any]) -> list[Any]:
    """Follows the list to its end; every page before the last is whole."""
    rows: list[Any] = []
    found = store.run(page(None))
    while len(found) == PAGE:
        rows += found
        found = store.run(page(key(found[-1])))
    assert len(found) < PAGE
    return rows + found


def matches(query: Any, **values: Any) -> bool:
    at = values.pop("at")
    wanted = {name: value for name, value in msgspec.structs.asdict(query).items() if value is not None}
    return (
        wanted.pop("since", at) <= at < wanted.pop("until", at + 1)
        and all(values[name] == value for name, value in wanted.items())
    )  # fmt: skip


def spans(dice: random.Random) -> dict[str, int]:
    since, until = sorted(dice.sample(EDGES, 2))
    return dice.choice([{}, {"since": since}, {"until": until}, {"since": since, "until": until}])


@pytest.fixture
def made(store: Store) -> Made:
    return Made(store)


def test_lists_of_events(store: Store, made: Made) -> None:
    dice = random.Random(7)  # noqa: S311 - the same every time
    for type_, subject in itertools.product((None, *TYPES), (None, *SUBJECTS)):
        query = EventQuery(type=type_, subject=subject, **spans(dice))
        expected = [e for e in made.events if matches(query, at=e.accepted, type=e.type, subject=e.subject)]
        found = all_pages(
            store,
            lambda before: store.ledger.events(TENANT, query, before, PAGE),  # noqa: B023 - used within the round
            lambda row: row.place,
        )
        assert [row.event for row in found] == expected[::-1], query


def test_lists_of_deliveries(store: Store, made: Made) -> None:
    dice = random.Random(9)  # noqa: S311 - the same every time
    newest_first = sorted(made.deliveries, key=lambda one: one[0].id, reverse=True)
    values = itertools.product((None, *TYPES), (None, *SUBJECTS), (None, *WEBHOOKS), (None, *STATES))
    for type_, subject, webhook, state in dice.sample(list(values), 120):
        event = dice.choice([None, None, None, dice.choice(made.events).id])
        query = DeliveryQuery(type_, subject, webhook, event, state, **spans(dice))
        expected = [
            (d.id, state)
            for d, state in newest_first
            if matches(
                query, at=d.created, type=d.event_type, subject=d.subject, webhook=d.webhook, event=d.event,
                state=state,
            )
        ]  # fmt: skip
        found = all_pages(
            store,
            lambda before: store.ledger.deliveries(TENANT, query, before, PAGE),  # noqa: B023 - used within the round
            lambda row: row.id,
        )
        assert [(row.id, row.state) for row in found] == expected, query
