"""A served Outrider that holds what the document's examples speak of, enclosed: nothing it sends leaves here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Receiver, Served
from openapi import seeds
from outrider.cli.demo import certificates

ENCLOSED = Path(__file__).with_name("enclosed.py")
GENERATED = Path(__file__).with_name("test_schemathesis.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Its cases are made as it is collected: many seconds for `make fast`, which would run none of them."""
    return True if collection_path == GENERATED and config.option.markexpr == "not slow" else None


class Enclosed(Served):
    """Reaches its receiver and nobody else."""

    program = (str(ENCLOSED),)

    def __init__(self, folder: Path, receiver: Receiver, **settings: str) -> None:
        super().__init__(folder, **settings)
        self.receiver = receiver

    def environment(self) -> dict[str, str]:
        return super().environment() | {"RECEIVER_PORT": str(self.receiver.port)}


@pytest.fixture(scope="session")
def enclosed(
    tmp_path_factory: pytest.TempPathFactory, example_authority: tuple[Path, Path]
) -> Iterator[Callable[[], Enclosed]]:
    """Starts Outriders that hold what `seeds` plants."""
    started: list[Enclosed] = []

    def start() -> Enclosed:
        receiver = Receiver(example_authority[1], lambda _: (200, {}, b'{"ok":true}'))
        served = Enclosed(
            tmp_path_factory.mktemp("enclosed"), receiver, OUTRIDER_EGRESS_CA_FILE=str(example_authority[0])
        )
        started.append(served)
        seeds.plant(served.environment())
        served.start()
        return served

    yield start
    for served in started:
        code = served.stop()
        served.receiver.close()
        assert code == 0, (code, (served.folder / "log").read_text()[-2000:])


@pytest.fixture(scope="session")
def example_authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(CA file, server certificate for the hosts of the examples)."""
    return certificates.make(tmp_path_factory.mktemp("example"), "*.example.com")


@pytest.fixture(scope="session")
def document(shared: Served) -> dict[str, Any]:
    """As it is served, to somebody without credentials."""
    status, found = shared.call("GET", "/openapi.json", headers={})
    assert status == 200
    return found
