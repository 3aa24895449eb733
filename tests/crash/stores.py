"""The store that a run of these experiments is about."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import postgres
from outrider.observe.clock import SystemClock
from outrider.ports.store import Store
from outrider.store.postgres import database as on_postgres
from outrider.store.sqlite import database as on_sqlite
from sim.disk import ABOUT


def add_option(options: argparse.ArgumentParser) -> None:
    options.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")


@contextmanager
def new(kind: str) -> Iterator[dict[str, str]]:
    """The settings that name a new store; PostgreSQL gets a server of its own."""
    if kind == "sqlite":
        yield {}  # the harness' own default: a file in the folder of the process
        return
    server = postgres.start()
    try:
        yield server.store()
    finally:
        if isinstance(server, postgres.OwnPostgres):
            server.remove()


async def opened(folder: Path, store: dict[str, str]) -> Store:
    """The store itself, when nobody serves it."""
    if store:
        return await on_postgres.open_database(
            store["OUTRIDER_STORE"],
            "looking",
            clock=SystemClock(),
            size=5,
            about=ABOUT,
            dispatches=False,
            keeps_house=False,
        )
    path = str(folder / "outrider.db")
    return await on_sqlite.open_database(path, "looking", clock=SystemClock(), about=ABOUT)
