"""A PostgreSQL store as its own tests use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.conftest import ABOUT, OnPostgres
from outrider.domain.delivery import Line, Step
from outrider.observe.clock import SystemClock
from outrider.ports.queue import Settlement
from outrider.store.postgres import floors
from outrider.store.postgres.database import PostgresDatabase, open_database
from postgres import Postgres


async def opened(url: str, incarnation: str = "process-1") -> PostgresDatabase:
    return await open_database(
        url, incarnation, clock=SystemClock(), size=6, about=ABOUT, dispatches=True, keeps_house=True
    )


@pytest.fixture(autouse=True)
def _no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """But where a test is about them: claims here are made at instants of the far future."""
    monkeypatch.setattr(floors, "SLOW_S", 60.0)


@pytest.fixture
def url(postgres_server: Postgres) -> str:
    return postgres_server.database()


@pytest.fixture
def store(url: str) -> Iterator[OnPostgres]:
    with asyncio.Runner() as runner:
        made = OnPostgres(url, runner.run)
        yield made
        made.close()


@pytest.fixture(params=["direct", "pooled"])
def either(request: pytest.FixtureRequest, url: str) -> Iterator[OnPostgres]:
    """The store with and without a pooler before it."""
    if request.param == "pooled":
        url = request.getfixturevalue("pooler").before(url)
    with asyncio.Runner() as runner:
        made = OnPostgres(url, runner.run)
        yield made
        made.close()


def execute(store: OnPostgres, statement: str, *bindings: Any) -> list[Any]:
    found: list[Any] = store.run(store.database._writers.run(lambda c: c.fetch(statement, *bindings)))
    return found


def settled(delivery: Any, line: Line = Line.DELIVERED, due: int | None = None) -> Settlement:
    return Settlement(delivery, Step(line, 1, due), 50, "status 200")
