"""Fixtures shared by all suites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import postgres
from harness import Receiver, Served
from outrider.cli.demo import certificates
from pgbouncer import PgBouncer

STORES = ("sqlite", "postgres")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whoever serves does so on every store, unless a test is about some of them (`stores`)."""
    marker = metafunc.definition.get_closest_marker("stores")
    for name, scope in (("on", "function"), ("shared", "session")):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, marker.args if marker else STORES, indirect=True, scope=scope)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(CA file, server certificate for localhost and 127.0.0.1)."""
    return certificates.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receive(authority: tuple[Path, Path]) -> Iterator[Callable[..., Receiver]]:
    """Starts receivers with the trusted certificate, or another one."""
    started: list[Receiver] = []

    def start(answer: object = None, certificate: Path | None = None) -> Receiver:
        started.append(Receiver(certificate or authority[1], answer))
        return started[-1]

    yield start
    for receiver in started:
        receiver.close()


@pytest.fixture
def on(request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    """The settings that name a new store, of the kind this test runs on."""
    return _new_store(request)


def _new_store(request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    if request.param == "sqlite":
        return dict  # the harness' own default: a file in the folder of the process
    server: postgres.Postgres = request.getfixturevalue("postgres_server")
    return server.store


@pytest.fixture
def serve(
    tmp_path: Path, authority: tuple[Path, Path], on: Callable[[], dict[str, str]]
) -> Iterator[Callable[..., Served]]:
    """Starts `outrider serve` on a new store; stopped at the end."""
    started: list[Served] = []

    def start(**settings: str) -> Served:
        settings = {"OUTRIDER_EGRESS_CA_FILE": str(authority[0])} | on() | settings
        started.append(Served(tmp_path, **settings).start())
        return started[-1]

    yield start
    for served in started:
        served.stop()


@pytest.fixture(scope="session")
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: tuple[Path, Path]
) -> Iterator[Served]:
    """One served Outrider for tests that only look at answers."""
    settings = {"OUTRIDER_EGRESS_CA_FILE": str(authority[0])} | _new_store(request)()
    served = Served(tmp_path_factory.mktemp("shared"), **settings).start()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """The PostgreSQL that tests share; each takes databases of its own from it."""
    server = postgres.start()
    yield server
    if isinstance(server, postgres.OwnPostgres):
        server.remove()


@pytest.fixture(scope="session")
def pooler(postgres_server: postgres.Postgres) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode before that server."""
    made = PgBouncer(postgres_server.url)
    yield made
    made.close()
