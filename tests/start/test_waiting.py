"""`outrider serve` while its database is away: it waits, says so now and then, and ends when asked or in time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import outrider, until
from postgres import ROOT_KEY, OwnPostgres, free_port

pytestmark = [pytest.mark.slow, pytest.mark.stores("postgres")]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    made = OwnPostgres()
    yield made
    made.remove()


def settings(url: str) -> dict[str, str]:
    return {"OUTRIDER_STORE": url, "OUTRIDER_ROOT_KEY": ROOT_KEY, "OUTRIDER_PORT": "0"}


@contextmanager
def waiting(folder: Path, **given: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says it waits."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")} | given
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "outrider", "serve"], env=environment, stdout=subprocess.PIPE, stderr=log
        )
    try:
        until(lambda: b"waiting for the store" in (folder / "log").read_bytes())
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_database_that_comes_up_later(tmp_path: Path, server: OwnPostgres) -> None:
    url = server.empty_database()
    server.stop()
    with waiting(tmp_path, **settings(url)) as process:
        server.start()
        assert b"listens on" in process.stdout.readline()


def test_nobody_is_kept_waiting_meanwhile(tmp_path: Path) -> None:
    port = free_port()
    given = settings("postgresql://nobody@127.0.0.1:1/none") | {"OUTRIDER_PORT": str(port)}
    with waiting(tmp_path, **given), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(tmp_path: Path, number: signal.Signals) -> None:
    with waiting(tmp_path, **settings("postgresql://nobody@database.invalid/none")) as process:
        process.send_signal(number)
        assert process.wait(5) == 0
    assert b"Traceback" not in (tmp_path / "log").read_bytes()


def test_the_wait_ends_in_time(tmp_path: Path) -> None:
    began = time.monotonic()
    done = outrider(
        "serve", **settings("postgresql://nobody:very-secret@127.0.0.1:1/none"), OUTRIDER_STORE_WAIT_MS="1500"
    )
    assert (done.returncode, b"OUTRIDER_STORE: expected" in done.stderr) == (75, True)
    assert 1.5 < time.monotonic() - began < 10
    for absent in (b"Traceback", b"very-secret"):
        assert absent not in done.stderr


def test_what_no_wait_mends_is_said_at_once(server: OwnPostgres) -> None:
    began = time.monotonic()
    done = outrider("serve", **settings(server.named("no_such_database")))
    assert (done.returncode, b"CREATE DATABASE" in done.stderr, b"Traceback" in done.stderr) == (78, True, False)
    assert time.monotonic() - began < 10
