"""A store with a million rows in every large table, and its reading measured."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from outrider.observe.clock import SystemClock
from outrider.store.postgres.connections import Connections, connect, parse_url
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.jobs import PostgresJobs
from outrider.store.postgres.ledger import PostgresLedger
from outrider.store.postgres.migrate import migrations
from outrider.store.postgres.nodes import Nodes
from outrider.store.postgres.queue import PostgresQueue
from outrider.store.postgres.spans import first_id
from plans.explained import ExplainedConnections
from postgres import Postgres

T = TypeVar("T")
FILLING_S = 300.0
ROWS = 1_000_000
STEP = 1_728  # ms between two events: 20 days in a million
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Facts:
    """What is where in the store, by its number; `now` is the instant of the newest event."""

    def __init__(self, now: int) -> None:
        self.now = now

    def at(self, number: int) -> int:
        return self.now - (ROWS - number) * STEP

    def place(self, number: int) -> int:
        return (self.at(number) << 20) + (number & 1_048_575)

    def event(self, number: int) -> str:
        return _an_id(self.at(number), number)

    def delivery(self, number: int, *, waiting: bool = False) -> str:
        return _an_id(self.at(number) + (2 if waiting else 1), number)

    def fresh(self, number: int) -> str:
        """An id that is not in the store, of this instant."""
        return _an_id(self.now, ROWS + 1 + number)


def _an_id(at: int, number: int) -> str:
    """As `an_id` in million_postgres.sql."""
    return f"{first_id(at)}-7{number % 4096:03x}-8000-{number:012x}"


class Million:
    """The ports on explained connections. `now` is the instant of the newest event."""

    def __init__(self, server: Postgres, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.run = run
        self.url = server.database()
        self.now = time.time_ns() // 1_000_000
        self.facts = Facts(self.now)
        self.plain: Connections = run(connect(parse_url(self.url), 4))
        run(_fill(self.plain, self.now))
        self.explained = ExplainedConnections(self.plain)
        clock = SystemClock()
        self.ledger = PostgresLedger(self.explained, clock)
        self.jobs = PostgresJobs(self.explained, clock)
        self.nodes = Nodes(
            self.explained,
            "me",
            clock=clock,
            dispatches=True,
            keeps_house=True,
            about="{}",
            schema=len(migrations()),
        )
        self.queue = PostgresQueue(self.explained, self.nodes, Doubts(), clock)

    @property
    def superuser(self) -> bool:
        """Whether statistics can be taken away."""
        return bool(self.ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[0][0])

    def read(self, call: Awaitable[T]) -> tuple[T, int]:
        """What the call returns, and how many rows its plans read."""
        self.explained.clear()
        result = self.run(call)
        return result, self.explained.rows

    def clear_away(self) -> None:
        """Index entries of rows that tests changed, and changed back, would be counted as read."""
        self.run(
            self.plain.run(lambda c: c.execute("VACUUM (INDEX_CLEANUP ON) queue, event_id"), limit_s=FILLING_S)
        )

    def ask(self, statement: str, *bindings: Any) -> list[Any]:
        return list(self.run(self.plain.run(lambda c: c.fetch(statement, *bindings))))

    def leased(self, tenant: str) -> int:
        """How many of the tenant's deliveries are leased to anybody."""
        return int(self.ask("SELECT count(*) FROM queue WHERE tenant = $1 AND lease IS NOT NULL", tenant)[0][0])


async def _fill(connections: Connections, now: int) -> None:
    text = (Path(__file__).parent / "million_postgres.sql").read_text(encoding="utf-8").replace("@now@", str(now))
    parts = _NAME.split(text)[1:]
    scripts = dict(zip(parts[::2], parts[1::2], strict=True))

    async def execute(name: str) -> None:
        script = f"SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = 0; {scripts[name]}"
        await connections.run(lambda c: c.execute(script), limit_s=FILLING_S)

    await execute("prepare")
    await asyncio.gather(*map(execute, ("events", "ledger", "queue")))
    await execute("clear")
