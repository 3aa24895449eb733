"""What every store promises of readiness: a trial commits and leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from outrider.domain.errors import StoreDamaged, StoreUnavailable
from outrider.domain.readiness import Unready
from outrider.store import readiness
from outrider.store.readiness import LITTLE, MUCH


def test_a_trial_leaves_nothing(store: Any) -> None:
    async def tried() -> None:
        for size in (LITTLE, MUCH):
            await store.database.queue._readiness._attempt(size)

    store.run(store.database.queue.heartbeat(20_000))
    before = [node.id for node in store.run(store.database.system.nodes())]
    store.run(tried())
    assert [node.id for node in store.run(store.database.system.nodes())] == before
    pulse = store.run(store.database.queue.heartbeat(20_000))
    assert (pulse.released, pulse.lost) == (0, False)


def test_what_became_of_the_last_event_counts(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "BETWEEN_S", 60.0)  # one trial, at first
    assert store.run(store.database.unready()) is None
    store.accept("e1")
    evidence = store.database.queue._readiness._evidence
    assert evidence.fault is None
    evidence.fault = StoreUnavailable("away")
    assert store.run(store.database.unready()) is Unready.STORE_AWAY
    store.accept("e2")
    assert store.run(store.database.unready()) is None


def test_faults_are_explained_without_what_they_quote(store: Any) -> None:
    explained = store.database.explained
    for error in (StoreDamaged("a row of table tenant cannot be read"), StoreUnavailable("away")):
        assert explained(error).field == "OUTRIDER_STORE"
    for error in (KeyError("ours"), ValueError("ours"), explained(StoreUnavailable("x"))):
        assert explained(error) is None  # not the store's fault, or said already
