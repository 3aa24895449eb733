"""`outrider store copy` and `verify`: killed in the middle, moved there and back, refused where it must be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from cli.origin import Past, World, crowd
from harness import Receiver, Served, outrider, until
from nodes.cluster import ROOT_KEY
from postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.stores("sqlite")]  # where every move begins
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
EVENTS = 200_000
OWED = 300
HOUR = {"OUTRIDER_RETRY_SCHEDULE_MS": "3600000"}
PASSWORD = "hunter2-of-the-database"


def with_password(url: str) -> str:
    """The server trusts everybody; what matters is that nobody prints it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{PASSWORD}@{parts.hostname}:{parts.port}"))


def run(command: str, source: str, target: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    done = outrider("store", command, OUTRIDER_STORE_FROM=source, OUTRIDER_STORE_TO=target, **settings)
    assert PASSWORD.encode() not in done.stdout + done.stderr
    return done


def killed_copy(source: str, target: str, table: str, share: float) -> str:
    """Run until that share of the table is copied, then `kill -9`; what it had printed."""
    settings = {"OUTRIDER_STORE_FROM": source, "OUTRIDER_STORE_TO": target}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "outrider", "store", "copy"], env=environment, stdout=subprocess.PIPE, text=True
    )
    told = []
    with process:
        for line in process.stdout:
            told.append(line)
            if line.startswith(table) and float(line.split()[-1].rstrip("%")) >= 100 * share:
                process.kill()
                break
    assert process.returncode == -9, told
    return "".join(told)


def progress(server: Postgres, url: str) -> dict[str, int]:
    return dict(map(tuple, server.ask("SELECT part, rows FROM copying", url=url)))


def moved_to(folder: Path, served: Served, store: str, **settings: str) -> Served:
    """`outrider serve` on a moved store, with the root key the origin had."""
    folder.mkdir()
    key = served.folder / "outrider.rootkey"
    kept = {name: value for name, value in served.settings.items() if name != "OUTRIDER_STORE"}
    return Served(
        folder, **(kept | {"OUTRIDER_STORE": store, "OUTRIDER_ROOT_KEY_FILE": str(key)} | settings)
    ).start()


def test_200_000_events_with_live_webhooks_interrupted_twice(
    serve: Serve, receive: Receive, postgres_server: Postgres, tmp_path: Path
) -> None:
    world = World(receive)
    served = serve(**HOUR)
    past = Past(served, world)
    assert served.stop() == 0
    file = tmp_path / "outrider.db"
    late = crowd(file, past.webhooks["late"], EVENTS, OWED)
    source, target = f"sqlite:///{file}", with_password(postgres_server.database())

    started = time.monotonic()
    killed_copy(source, target, "event", 0.3)
    first = progress(postgres_server, target)
    assert 0 < first["event"] < EVENTS
    refused = outrider("serve", OUTRIDER_STORE=target, OUTRIDER_ROOT_KEY=ROOT_KEY, OUTRIDER_PORT="0")
    assert (refused.returncode, b"an unfinished copy" in refused.stderr) == (78, True)
    told = killed_copy(source, target, "ledger", 0.3)
    second = progress(postgres_server, target)
    assert second["event"] > EVENTS
    assert 0 < second["ledger"] < EVENTS
    assert "data_key" not in told  # what was done is not done again
    done = run("copy", source, target)
    print(done.stdout.decode(), f"{time.monotonic() - started:.1f} s")
    assert (done.returncode, b"identical: 12 tables" in done.stdout) == (0, True), done.stderr
    assert time.monotonic() - started < 120

    moved = moved_to(tmp_path / "moved", served, target)
    try:
        until(lambda: len(world.at("/late")) == len(late), 30)
        assert sorted(request.id for request in world.at("/late")) == sorted(late)
        past.check(moved)
        past.check_goes_on(moved)
        assert len(world.at("/late")) == len(late)
    finally:
        moved.stop()


def test_there_and_back_again(serve: Serve, receive: Receive, postgres_server: Postgres, tmp_path: Path) -> None:
    world = World(receive)
    served = serve(**HOUR)
    past = Past(served, world)
    served.kill()  # leases and the write-ahead log stay behind
    file = tmp_path / "outrider.db"
    postgres_server.ask("CREATE DATABASE moved_to")  # the copy makes the tables
    source, middle = f"sqlite:///{file}", with_password(postgres_server.named("moved_to"))
    back = f"sqlite:///{tmp_path / 'back.db'}"
    key = {"OUTRIDER_ROOT_KEY_FILE": str(tmp_path / "outrider.rootkey")}
    assert run("copy", source, middle).returncode == 0
    node = moved_to(tmp_path / "node", served, middle)
    past.check(node)
    assert node.stop() == 0
    assert run("verify", source, middle).returncode == 0  # serving it has changed nothing of what is compared
    assert run("copy", middle, back, **key).returncode == 0
    found = run("verify", source, back)
    assert (found.returncode, b"identical: 12 tables" in found.stdout) == (0, True), found.stdout
    again = moved_to(tmp_path / "again", served, back)
    try:
        past.check(again)
        past.check_goes_on(again)
    finally:
        again.stop()
        postgres_server.ask("DROP DATABASE moved_to")
    found = run("verify", source, back)
    assert (found.returncode, b"queue" in found.stdout, b"DIFFERENT" in found.stdout) == (1, True, True)


def refused(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    assert done.returncode == 78, (done.stdout, done.stderr)
    for word in words:
        assert word.encode() in done.stderr, done.stderr


def test_what_cannot_be_copied_is_refused(serve: Serve, postgres_server: Postgres, tmp_path: Path) -> None:
    served = serve()
    source = f"sqlite:///{tmp_path / 'outrider.db'}"
    empty, other = with_password(postgres_server.database()), f"sqlite:///{tmp_path / 'other.db'}"
    refused(run("copy", source, empty), "source", "no other Outrider serves")
    assert served.stop() == 0

    refused(run("copy", source, empty, OUTRIDER_ROOT_KEY=ROOT_KEY), "OUTRIDER_ROOT_KEY", "another key")
    assert postgres_server.ask("SELECT to_regclass('copying')::text", url=empty)[0][0] is None
    key = tmp_path / "outrider.rootkey"
    (tmp_path / "other.rootkey").write_text(ROOT_KEY)
    (tmp_path / "other.rootkey").chmod(0o600)
    refused(run("copy", source, other), "target", "root key beside it")
    key.rename(tmp_path / "elsewhere")
    refused(run("copy", source, empty), "OUTRIDER_ROOT_KEY_FILE", "no such file")
    assert not key.exists()
    (tmp_path / "elsewhere").rename(key)
    refused(run("copy", empty, source, OUTRIDER_ROOT_KEY=ROOT_KEY), "source", "an empty one")
    refused(run("copy", source, "mysql://u:hunter2@db/x"), "target", "mysql://…")
    refused(run("copy", f"{PASSWORD}@db", empty), "source", "something else")
    refused(run("copy", source, empty + "?pooler=transaction"), "target", "pooler=transaction")
    away = "postgresql://postgres@127.0.0.1:1/none"
    refused(run("copy", source, away), "target", "that can be reached")

    assert run("copy", source, empty).returncode == 0
    refused(run("copy", source, empty), "target", "an empty store", "data_key, tenant")
    node = moved_to(tmp_path / "node", served, empty)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    given = {"OUTRIDER_ROOT_KEY_FILE": str(key)}
    refused(run("copy", empty, back, **given), "source", "no Outrider serves")
    refused(run("verify", source, empty), "target", "no Outrider serves")
    assert node.stop() == 0
    assert run("copy", empty, back, **given).returncode == 0
    assert outrider("store", "copy", "--from", source).returncode == 2
