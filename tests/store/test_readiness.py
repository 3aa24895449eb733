"""Readiness: few trials however many ask, and none where events tell enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from outrider.domain.errors import StoreUnavailable
from outrider.domain.readiness import Unready
from outrider.store import readiness
from outrider.store.readiness import LITTLE, MUCH, Evidence, Readiness


class Store:
    """Counts trials. `away`: they fail; `answers`: they end."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.evidence = Evidence()
        self.readiness = Readiness(self.evidence, self.attempt)

    async def attempt(self, size: int) -> None:
        self.sizes.append(size)
        await self.answers.wait()
        if self.away:
            raise StoreUnavailable("full")


def play(script: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = Store()
        await script(store)
        await store.readiness.close()
        await store.readiness.close()

    asyncio.run(run())


def test_many_who_ask_share_one_trial() -> None:
    async def script(store: Store) -> None:
        assert await asyncio.gather(*(store.readiness.reason() for _ in range(500))) == [None] * 500
        for _ in range(500):
            assert await store.readiness.reason() is None
        assert store.sizes == [LITTLE]

    play(script)


def test_events_that_are_stored_need_no_trial() -> None:
    async def script(store: Store) -> None:
        store.evidence.take(None)
        assert await store.readiness.reason() is None
        assert store.sizes == []

    play(script)


def test_after_a_failure_only_a_large_trial_tells_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "BETWEEN_S", 0.05)

    async def script(store: Store) -> None:
        store.away = True
        assert await store.readiness.reason() is Unready.STORE_AWAY
        for _ in range(100):
            assert await store.readiness.reason() is Unready.STORE_AWAY
        assert store.sizes == [LITTLE]
        await asyncio.sleep(0.06)
        assert await store.readiness.reason() is Unready.STORE_AWAY
        store.away = False
        await asyncio.sleep(0.06)
        assert await store.readiness.reason() is None
        assert store.sizes == [LITTLE, MUCH, MUCH]
        store.evidence.take(StoreUnavailable("away"))
        assert await store.readiness.reason() is Unready.STORE_AWAY  # an event tells more than the trial before it

    play(script)


def test_a_store_that_does_not_answer_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_S", 0.05)
    monkeypatch.setattr(readiness, "BETWEEN_S", 0.0)

    async def script(store: Store) -> None:
        store.answers.clear()
        assert await asyncio.gather(*(store.readiness.reason() for _ in range(9))) == [Unready.STORE_SLOW] * 9
        assert await store.readiness.reason() is Unready.STORE_SLOW
        assert store.sizes == [LITTLE]
        store.answers.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await store.readiness.reason() is None

    play(script)


def test_a_trial_that_fails_for_another_reason_is_no_success(caplog: pytest.LogCaptureFixture) -> None:
    async def script(store: Store) -> None:
        async def broken(_: int) -> None:
            raise LookupError("nobody foresaw this")

        store.readiness._attempt = broken
        assert await store.readiness.reason() is Unready.STORE_AWAY
        assert await store.readiness.reason() is Unready.STORE_AWAY

    play(script)
    assert [record.exc_info is not None for record in caplog.records] == [True]
