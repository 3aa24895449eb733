"""Explaining what became of an event asks the store a few times, however many webhooks there are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from conformance.conftest import TENANT as T
from outrider.app.books import Books
from outrider.app.explain import Because, Explain
from outrider.dispatch.work import Workbench
from outrider.domain.delivery import Line, Step
from outrider.domain.fanout import owe
from outrider.observe.clock import SystemClock
from outrider.ports.queue import Settlement

WEBHOOKS = [f"w{n:02}" for n in range(30)]


class Counted:
    """A ledger that counts what it is asked."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._ledger, name)


def test_one_event_and_many_webhooks(store: Any) -> None:
    for webhook in WEBHOOKS:
        store.run(store.save_webhook(webhook))
    bare = store.acceptance("e1")
    event = bare.events[0]
    deliveries = tuple(owe(event, store.webhooks[w], f"d-{w}") for w in WEBHOOKS if w != "w07")
    leased = frozenset(d.id for d in deliveries)
    store.run(store.queue.accept(msgspec.structs.replace(bare, deliveries=deliveries, leased=leased)))
    store.run(store.queue.settle([Settlement(d, Step(Line.DELIVERED, 1, None), 50, "ok") for d in deliveries]))
    books, ledger = Books(store.book, None), Counted(store.ledger)
    store.run(books.load())
    work = Workbench()
    explain = Explain(ledger=ledger, books=books, clock=SystemClock(), work=work)  # type: ignore[arg-type]
    found = {each.webhook: each for each in store.run(explain.event(T, "e1", None))}
    assert set(found) == {*WEBHOOKS, "w"}
    assert {w for w, each in found.items() if each.because is Because.DELIVERED} == set(WEBHOOKS) - {"w07"}
    assert {w: found[w].delivery.id for w in ("w00", "w29")} == {"w00": "d-w00", "w29": "d-w29"}
    assert found["w07"].delivery is None
    assert sum(ledger.asked.values()) <= 6, ledger.asked
