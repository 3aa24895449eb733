"""A store with a million rows in every large table, and its reading measured."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from outrider.store.postgres.connections import Connections, connect, parse_url
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.jobs import PostgresJobs
from outrider.store.postgres.ledger import PostgresLedger
from outrider.store.postgres.nodes import Nodes
from outrider.store.postgres.queue import PostgresQueue
from plans.explained import ExplainedConnections
from postgres import Postgres

T = TypeVar("T")
FILLING_S = 300.0
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Million:
    """The ports on explained connections. `now` is the instant of the newest event."""

    def __init__(self, server: Postgres, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.run = run
        self.url = server.database()
        self.now = time.time_ns() // 1_000_000
        self.plain: Connections = run(connect(parse_url(self.url), 4))
        run(_fill(self.plain, self.now))
        self.explained = ExplainedConnections(self.plain)
        self.ledger = PostgresLedger(self.explained)
        self.jobs = PostgresJobs(self.explained)
        self.nodes = Nodes(self.explained, "me", dispatches=True, keeps_house=True, about="{}", schema=1)
        self.queue = PostgresQueue(self.explained, self.nodes, Doubts())

    def read(self, call: Awaitable[T]) -> tuple[T, int]:
        """What the call returns, and how many rows its plans read."""
        self.explained.clear()
        result = self.run(call)
        return result, self.explained.rows

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
