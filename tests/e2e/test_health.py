"""`/health`, `/health/live`, `/health/ready`: cheap, open, and true."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness import Served, until
from nodes.cluster import Cluster
from postgres import Postgres

pytestmark = pytest.mark.slow
PATHS = ("/health", "/health/live", "/health/ready")


def ask(served: Served, method: str, path: str) -> tuple[int, bytes]:
    parts = urlsplit(served.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_everybody_may_ask(shared: Served) -> None:
    ready = b'{"Ready":true,"Reasons":[]}'
    assert [ask(shared, "GET", path) for path in PATHS] == [(200, ready), (200, b'{"Alive":true}'), (200, ready)]
    assert [ask(shared, "HEAD", path) for path in (*PATHS, "/HEALTH/Ready/")] == [(200, b"")] * 4
    assert [ask(shared, "POST", path)[0] for path in PATHS] == [405] * 3
    assert ask(shared, "HEAD", "/health/none")[0] == 404


@pytest.mark.stores("sqlite")
def test_many_probes_write_next_to_nothing(serve: Callable[..., Served]) -> None:
    served = serve()
    wal = served.folder / "outrider.db-wal"
    before = wal.stat().st_size
    over = time.monotonic() + 3

    def probe() -> None:
        while time.monotonic() < over:
            assert served.call("GET", "/health/ready", headers={})[0] == 200

    probes = [threading.Thread(target=probe) for _ in range(4)]
    for each in probes:
        each.start()
    for each in probes:
        each.join()
    assert (
        wal.stat().st_size - before < 100_000
    )  # hundreds of probes, two beats, two or three trials of a page or two


def test_a_stop_is_told_before_it_comes(serve: Callable[..., Served]) -> None:
    served = serve(OUTRIDER_DRAIN_MS="1500")
    process = served.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    until(lambda: served.call("GET", "/health/ready", headers={})[0] == 503, 1)
    assert served.call("GET", "/health")[1] == {"Ready": False, "Reasons": ["stopping"]}
    assert served.call("GET", "/health/live", headers={})[0] == 200
    assert served.call("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})[0] == 202
    assert process.wait(10) == 0


def test_asked_twice_it_stops_at_once(serve: Callable[..., Served]) -> None:
    served = serve(OUTRIDER_DRAIN_MS="60000")
    process = served.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    until(lambda: served.call("GET", "/health/ready", headers={})[0] == 503, 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.fixture
def cluster(tmp_path: Path, postgres_server: Postgres, authority: tuple[Path, Path]) -> Iterator[Cluster]:
    made = Cluster(tmp_path, postgres_server.database(), authority[0])
    yield made
    made.close()


def test_a_node_that_takes_no_events_says_so(cluster: Cluster) -> None:
    node = cluster.start(OUTRIDER_ROLES="dispatch")
    assert node.call("GET", "/health/ready") == (503, {"Ready": False, "Reasons": ["no intake role"]})
    assert node.call("GET", "/health/live") == (200, {"Alive": True})
    assert ask(node, "HEAD", "/health/ready")[0] == 503


def test_a_node_left_behind_is_not_ready(cluster: Cluster, postgres_server: Postgres) -> None:
    node = cluster.start()
    postgres_server.ask("INSERT INTO migration (number, after) VALUES (999, true)", url=cluster.url)
    until(lambda: node.call("GET", "/health/ready", headers={})[1]["Reasons"] == ["store too new"], 10)
    postgres_server.ask("DELETE FROM migration WHERE number = 999", url=cluster.url)
    until(lambda: node.call("GET", "/health/ready", headers={})[0] == 200, 10)
