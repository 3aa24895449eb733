"""Nodes on a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import postgres
from nodes.cluster import Cluster


@pytest.fixture
def cluster(tmp_path: Path, postgres_server: postgres.Postgres, authority: tuple[Path, Path]) -> Iterator[Cluster]:
    made = Cluster(tmp_path, postgres_server.database(), authority[0])
    yield made
    made.close()


@pytest.fixture
def own_server() -> Iterator[postgres.OwnPostgres]:
    """A server that the test may stop."""
    server = postgres.OwnPostgres()
    yield server
    server.remove()
