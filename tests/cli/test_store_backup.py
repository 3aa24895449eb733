"""Backups taken under load and restored as docs/operations.md says: what was owed is delivered, secrets open."""

from __future__ import annotations

import shutil
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.origin import Past, World
from harness import Receiver, Served, outrider, until
from nodes.cluster import ROOT_KEY
from postgres import BINARIES, Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
HOUR = {"OUTRIDER_RETRY_SCHEDULE_MS": "3600000"}


class Load:
    """Reports events for the receiver that is always well until `stop`; ids with their 202, in order."""

    def __init__(self, served: Served) -> None:
        self.accepted: list[str] = []
        self._served = served
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(lambda: len(self.accepted) > 200)

    def _run(self) -> None:
        events = [{"Event": "ResetPassword", "Data": {"Uid": "u"}}] * 20
        while not self._over.is_set():
            self.accepted += [one["Id"] for one in self._served.ok("POST", "/v2/events", events)["Data"]]

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def restored(folder: Path, origin: Served, **settings: str) -> Served:
    return Served(folder, **(origin.settings | settings)).start()


def check(restored: Served, past: Past, before: list[str]) -> None:
    try:
        past.check(restored)
        for identity in (before[0], before[-1]):
            assert restored.ok("GET", f"/v2/manage/events/{identity}")["Subject"] == "u"
        until(lambda: not restored.ok("GET", "/v2/manage/deliveries?state=waiting&event=resetpassword")["Data"])
        past.check_goes_on(restored)
    finally:
        restored.stop()


@pytest.mark.stores("sqlite")
def test_a_served_file_is_backed_up_and_restored(serve: Serve, receive: Receive, tmp_path: Path) -> None:
    served = serve(**HOUR)
    past = Past(served, World(receive))
    load = Load(served)
    store = {"OUTRIDER_STORE": f"sqlite:///{tmp_path / 'outrider.db'}"}
    backup = tmp_path / "backup.db"
    try:
        before = list(load.accepted)
        done = outrider("store", "backup", str(backup), **store)
        during = len(load.accepted)
        assert done.returncode == 0, done.stderr
        until(lambda: len(load.accepted) > during)  # intake went on and goes on
    finally:
        load.stop()
    assert b"root key" in done.stdout
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.glob("backup*")} == {"backup.db"}
    again = outrider("store", "backup", str(backup), **store)
    assert (again.returncode, b"PATH: expected a file that is not there yet" in again.stderr) == (78, True)
    served.kill()

    folder = tmp_path / "restored"
    folder.mkdir()
    shutil.copy(backup, folder / "outrider.db")
    shutil.copy(tmp_path / "outrider.rootkey", folder / "outrider.rootkey")
    check(restored(folder, served), past, before)


@pytest.mark.stores("sqlite")  # the store is given
def test_a_dump_of_postgresql_is_restored(
    serve: Serve, receive: Receive, postgres_server: Postgres, tmp_path: Path
) -> None:
    url = postgres_server.database()
    served = serve(**HOUR, OUTRIDER_STORE=url, OUTRIDER_ROOT_KEY=ROOT_KEY)
    past = Past(served, World(receive))
    load = Load(served)
    dump = tmp_path / "outrider.dump"
    try:
        before = list(load.accepted)
        subprocess.run([BINARIES / "pg_dump", "--format=custom", f"--file={dump}", url], check=True)
    finally:
        load.stop()
    refused = outrider("store", "backup", str(tmp_path / "x"), OUTRIDER_STORE=url, OUTRIDER_ROOT_KEY=ROOT_KEY)
    assert (refused.returncode, b"pg_dump" in refused.stderr) == (78, True)
    served.kill()

    name = f"{url.rsplit('/', 1)[1]}_restored"
    postgres_server.ask(f"CREATE DATABASE {name}")
    new = postgres_server.named(name)
    subprocess.run([BINARIES / "pg_restore", "--exit-on-error", f"--dbname={new}", dump], check=True)
    folder = tmp_path / "restored"
    folder.mkdir()
    check(restored(folder, served, OUTRIDER_STORE=new), past, before)


def test_what_cannot_be_backed_up_is_refused(tmp_path: Path) -> None:
    file, path = tmp_path / "a.db", tmp_path / "backup.db"
    store = {"OUTRIDER_STORE": f"sqlite:///{file}"}
    missing = outrider("store", "backup", str(path), **store)
    assert (missing.returncode, b"OUTRIDER_STORE: expected an SQLite store" in missing.stderr) == (78, True)
    assert not file.exists()
    file.touch()
    empty = outrider("store", "backup", str(path), **store)
    assert (empty.returncode, b"version 0" in empty.stderr) == (78, True)
    file.write_bytes(b"no database" * 1_000)
    damaged = outrider("store", "backup", str(path), **store)
    assert (damaged.returncode, b"NotADBError" in damaged.stderr) == (1, True)
    away = outrider("store", "backup", str(tmp_path / "none" / "backup.db"), **store)
    assert (away.returncode, b"PATH: expected a place" in away.stderr) == (78, True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.db"]
