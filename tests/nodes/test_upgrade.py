"""One version after the other: migrations before and after, old nodes beside new ones, first starts at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import outrider
import postgres
from harness import Receiver, Served, until
from nodes.cluster import Cluster, Producers, drained
from outrider.dispatch.heartbeat import BEAT_S, BEATS_UNTIL_DEAD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Receive = Callable[..., Receiver]
BEFORE = (
    "ALTER TABLE queue ADD COLUMN colour text; ALTER TABLE tenant ADD COLUMN colour text NOT NULL DEFAULT 'red'"
)
AFTER = "ALTER TABLE node ALTER COLUMN about SET DEFAULT 'left behind'"


@pytest.fixture
def next_version(tmp_path: Path) -> dict[str, str]:
    """The settings of a process of the next version: this one with a migration before and one after."""
    folder = tmp_path / "next"
    shutil.copytree(
        Path(outrider.__file__).parent, folder / "outrider", ignore=shutil.ignore_patterns("__pycache__")
    )
    migrations = folder / "outrider" / "store" / "postgres" / "migrations"
    known = len(list(migrations.glob("*.sql")))
    (migrations / f"{known + 1:04}_colour.sql").write_text(BEFORE)
    (migrations / f"{known + 2:04}_left.after.sql").write_text(AFTER)
    return {"PYTHONPATH": str(folder)}


def applied(server: postgres.Postgres, url: str) -> list[bool]:
    """Of each migration that is applied, whether it had to wait."""
    return [row[0] for row in server.ask("SELECT after FROM migration ORDER BY number", url=url)]


def test_a_rolling_upgrade(
    cluster: Cluster, postgres_server: postgres.Postgres, next_version: dict[str, str], receive: Receive
) -> None:
    receiver = receive()
    old = [cluster.start(), cluster.start()]
    known = applied(postgres_server, cluster.url)
    old[0].ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    producers = Producers(old)
    until(lambda: len(producers.accepted) > 100)
    cluster.start(**next_version)
    assert applied(postgres_server, cluster.url) == [*known, False]

    # The old ones go on: their prepared statements, everything else, and changes seen by all.
    seen = len(producers.accepted)
    until(lambda: len(producers.accepted) > seen + 200)
    old[1].ok("POST", "/v2/manage/webhooks", {"Event": "Register", "TargetUrl": receiver.url("/other")})
    until(lambda: len(cluster.nodes[2].ok("GET", "/v2/manage/webhooks")["Data"]) == 2, 3)
    accepted = producers.stop()
    assert producers.refused == []

    # One old node is left: what it needs stays. It may not start again, though.
    old[0].stop()
    cluster.start(**next_version)
    assert applied(postgres_server, cluster.url) == [*known, False]
    refused = _served_once(old[0])
    assert refused.returncode == 78, refused.stderr
    assert b"a store of version" in refused.stderr

    old[1].stop()
    last = cluster.start(**next_version)
    assert applied(postgres_server, cluster.url) == [*known, False, True]
    drained(last)
    assert accepted <= {request.id for request in receiver.requests}


def _served_once(node: Served) -> subprocess.CompletedProcess[bytes]:
    """The start of a process that is to be refused."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")}
    settings = clean | node.settings | {"OUTRIDER_PORT": "0"}
    return subprocess.run(
        [sys.executable, "-m", "outrider", "serve"], env=settings, capture_output=True, check=False, timeout=60
    )


def test_a_node_that_slept_through_the_upgrade_sends_nothing(
    cluster: Cluster, postgres_server: postgres.Postgres, next_version: dict[str, str], receive: Receive
) -> None:
    receiver = receive()
    old = cluster.start(OUTRIDER_ROLES="intake,dispatch")
    old.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    old.process.send_signal(signal.SIGSTOP)
    new = cluster.start(**next_version)
    until(lambda: len(new.ok("GET", "/v2/manage/system")["Nodes"]) == 1, BEAT_S * (BEATS_UNTIL_DEAD + 3))
    cluster.start(**next_version)
    assert applied(postgres_server, cluster.url)[-1]
    old.process.send_signal(signal.SIGCONT)
    until(lambda: "left this version behind" in (old.folder / "log").read_text(), 2 * BEAT_S + 5)
    roles = [node["Roles"] for node in new.ok("GET", "/v2/manage/system")["Nodes"]]
    assert ["intake", "dispatch"] not in roles
    assert "Traceback" not in (old.folder / "log").read_text()


def test_first_starts_at_once(
    tmp_path: Path, postgres_server: postgres.Postgres, authority: tuple[Path, Path]
) -> None:
    """On a database without a schema, credentials generated: one of them shows what all take."""
    url = postgres_server.empty_database()
    nodes = []
    for number in range(3):
        folder = tmp_path / f"first-{number}"
        folder.mkdir()
        settings = {"OUTRIDER_STORE": url, "OUTRIDER_ROOT_KEY": postgres.ROOT_KEY}
        nodes.append(Served(folder, **settings, OUTRIDER_BOOTSTRAP_API_KEY="", OUTRIDER_BOOTSTRAP_API_SECRET=""))
    starting = [threading.Thread(target=node.start) for node in nodes]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    try:
        assert all(node.url for node in nodes), [(node.folder / "log").read_text() for node in nodes]
        for table in ("tenant", "data_key"):
            assert postgres_server.ask(f"SELECT count(*) FROM {table}", url=url)[0][0] == 1
        shown = [_credentials(node) for node in nodes]
        (mine,) = [credentials for credentials in shown if credentials]
        for node in nodes:
            assert node.call("GET", f"/v2/manage/webhooks?{mine}", headers={})[0] == 200
    finally:
        for node in nodes:
            node.stop()


def _credentials(node: Served) -> str:
    """The query with what a node showed after its start; empty when it showed nothing."""
    node.process.terminate()
    words = [line.split() for line in node.process.stdout.read().splitlines()]
    node.stop()
    node.start()
    found = dict(pair for pair in words if len(pair) == 2)
    return "&".join(f"{name}={found[name]}" for name in ("apikey", "apisecret")) if "apikey" in found else ""
