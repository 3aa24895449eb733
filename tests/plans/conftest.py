"""The large stores, made once for all tests of plans."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from plans import million_postgres, million_sqlite
from postgres import Postgres


@pytest.fixture(scope="session")
def sqlite_million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[million_sqlite.Million]:
    path = str(tmp_path_factory.mktemp("million") / "outrider.db")
    with asyncio.Runner() as runner:
        database = runner.run(million_sqlite.make(path))
        yield million_sqlite.Million(path, database, runner.run)
        runner.run(database.close())


@pytest.fixture(scope="session")
def postgres_million(postgres_server: Postgres) -> Iterator[million_postgres.Million]:
    with asyncio.Runner() as runner:
        made = million_postgres.Million(postgres_server, runner.run)
        yield made
        runner.run(made.plain.close())
