"""A served Outrider over HTTP and over HTTPS, and LoginRadius' SDKs pointed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Served, until
from loginradius.sdk import LIBRARIES, Sdk

Connect = Callable[..., Sdk]


@pytest.fixture(scope="session", params=["http", "https"])
def contract(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: tuple[Path, Path]
) -> Iterator[Served]:
    """Tests leave it as they found it."""
    tls = {"ca": authority[0], "OUTRIDER_TLS_CERT_FILE": str(authority[1])} if request.param == "https" else {}
    served = Served(tmp_path_factory.mktemp(request.param), **tls).start()
    assert served.url.startswith(f"{request.param}://")
    yield served
    served.stop()


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[Any, Sdk]]:
    """Clients that run; one of them takes longer to start than to call."""
    started: dict[Any, Sdk] = {}
    yield started
    for sdk in started.values():
        sdk.close()


@pytest.fixture(params=LIBRARIES)
def connect(
    request: pytest.FixtureRequest, contract: Served, authority: tuple[Path, Path], clients: dict[Any, Sdk]
) -> Connect:
    """A client of the SDK in an environment, with one of the two libraries that it can use."""

    def client(environment: str, **attributes: Any) -> Sdk:
        identity = (environment, contract.url, request.param, *attributes.items())
        if identity not in clients:
            clients[identity] = Sdk(environment, contract.url, authority[0], request.param, **attributes)
        assert clients[identity].library == request.param
        return clients[identity]

    return client


@pytest.fixture
def limits(contract: Served) -> Iterator[Callable[..., None]]:
    """Sets the tenant's limits; the defaults come back at the end."""

    def change(**settings: Any) -> None:
        assert contract.ok("PUT", "/v2/manage/settings", settings).items() >= settings.items()

    yield change
    names = ("CallsPerSecond", "WebhooksPerEvent", "UniqueTargetUrl", "LoginRadiusNames")
    until(lambda: contract.call("PUT", "/v2/manage/settings", dict.fromkeys(names))[0] == 200)
