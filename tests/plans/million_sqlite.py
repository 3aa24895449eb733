"""A million events, endings and waiting deliveries in an SQLite store, made by SQL through the real schema.

Rows are a second apart. Tenant `a` is big, `b` has every twentieth row, `c` ten, `d` none, and there are THOUSAND
others that have a configuration only. Delivery `n` is of event `n`; the queue holds further ones. Of what is rare
there are a few: type `Rare`, webhook `w-rare`, subject `s-rare`, endings other than delivered. Subject `s-many` has
one in thirteen. What waits for `w5` has 500 order keys, for `w6` one. One event in 500 was skipped, one delivery in
ten had an attempt that failed before. Webhook `w1` has many versions behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from clocks import SetClock
from outrider.domain.model import Tenant, Webhook
from outrider.ports.system import About
from outrider.store.sqlite.database import SqliteDatabase, open_database

ROWS = 1_000_000
START = 1_700_000_000_000
SECOND = 1_000
RARE = 50_000  # one in so many
ONE_OF_MANY = 13  # is about one subject
LEASED = 2_000  # deliveries under way, the newest ones
THOUSAND = 1_000
LATER = START + 2 * ROWS * SECOND
TENANTS = ("a", "b", "c", "d")

_NUMBERS = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})"
_FEWER = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {THOUSAND})"
_AT = f"({START} + i * {SECOND})"
_ID = f"format('%08x-%04x-7000-8000-%012x', {_AT} >> 16, {_AT} & 65535, i)"
_TENANT = "CASE WHEN i % 100000 = 0 THEN 3 WHEN i % 20 = 0 THEN 2 ELSE 1 END"  # as they are added
_TYPE = f"CASE WHEN i % {RARE} = 1 THEN 'Rare' ELSE 'Type' || (i % 5) END"
_SUBJECT = f"""CASE WHEN i % {RARE} = 2 THEN 's-rare' WHEN i % {ONE_OF_MANY} = 3 THEN 's-many'
    ELSE 's' || (i % 99991) END"""
_WEBHOOK = f"CASE WHEN i % {RARE} = 3 THEN 'w-rare' ELSE 'w' || (i % 10) END"
_LINE = "CASE WHEN i % 100 = 7 THEN 'exhausted' WHEN i % 200 = 9 THEN 'cancelled' ELSE 'delivered' END"
_DESCRIBED = f"{_ID}, {_WEBHOOK}, 'n', {_TYPE}, {_SUBJECT}, {_AT}"
_KEY = "CASE i % 10 WHEN 5 THEN 'key' || (i / 10 % 500) WHEN 6 THEN 'one' END"
_HELD = "CASE i % 10 WHEN 5 THEN i > 5000 WHEN 6 THEN i > 6 ELSE 0 END"

_FILL = (
    f"""{_NUMBERS} INSERT INTO event (tenant, id, type, subject, time, accepted, body, fingerprint, book)
        SELECT {_TENANT}, 'e' || i, {_TYPE}, {_SUBJECT}, {_AT}, {_AT}, x'7b7d', x'00', 1 FROM n""",
    f"""{_NUMBERS} INSERT INTO ledger (tenant, at, line, event, reason, detail)
        SELECT {_TENANT}, {_AT}, 'skipped', 'e' || i, 'bulk', '' FROM n WHERE i % 500 = 11""",
    f"""{_NUMBERS} INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type,
    subject, created, attempts, status)
        SELECT {_TENANT}, {_AT} + 20, 'attempted', 'e' || i, 'r', {_DESCRIBED}, 1, 500 FROM n WHERE i % 10 = 7""",
    f"""{_NUMBERS} INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type,
    subject, created, attempts, status)
        SELECT {_TENANT}, {_AT} + 50, {_LINE}, 'e' || i, 'r', {_DESCRIBED}, 1, 200 FROM n WHERE i % 500 <> 11""",
    f"""{_NUMBERS} INSERT INTO queue (id, tenant, webhook, event, type, subject, attempts, created, due, lease,
    order_key, held)
        SELECT replace({_ID}, '-7000-', '-7fff-'), {_TENANT}, {_WEBHOOK}, 'e' || i, {_TYPE}, {_SUBJECT}, 1, {_AT},
        {_AT}, CASE WHEN i > {ROWS - LEASED} AND i % 10 NOT IN (5, 6) THEN 'process' END, {_KEY}, {_HELD} FROM n""",
    f"""{_FEWER} INSERT INTO tenant (id, api_key, document, number)
        SELECT 't' || i, 't' || i, x'00', 100 + i FROM n""",
    f"""{_FEWER} INSERT INTO webhook (id, tenant, name, secret, active, document)
        SELECT 'wt' || i, 't' || i, 'n', '', 1, x'00' FROM n""",
    f"""{_FEWER} INSERT INTO webhook_past (webhook, version, tenant, document)
        SELECT 'w1', 1000 + i, 'a', x'00' FROM n""",
    f"""{_FEWER} INSERT INTO secret (id, tenant, name, document) SELECT 'st' || i, 't' || i, 'n', x'00' FROM n""",
    f"""{_FEWER} INSERT INTO api_key (id, tenant, document) SELECT 'kt' || i, 't' || i, x'00' FROM n""",
    f"""{_FEWER} INSERT INTO health (webhook, tenant, document) SELECT 'wt' || i, 't' || i, x'00' FROM n""",
    f"""{_FEWER} INSERT INTO job (id, tenant, state, place, document)
        SELECT 'j' || i, CASE i % 10 WHEN 0 THEN 'b' ELSE 'a' END,
        CASE i % 100 WHEN 1 THEN 'running' ELSE 'done' END, i, x'00' FROM n""",
    f"""{_FEWER} INSERT INTO custom_object (tenant, uid, name, id, data, created, modified, revision)
        SELECT 'a', 'u' || (i % 100), 'o', 'r' || i, x'00', i, i, 1 FROM n""",
)


def instant(number: int) -> int:
    return START + number * SECOND


def delivery(number: int, *, waiting: bool = False) -> str:
    digits = f"{instant(number):012x}"
    return f"{digits[:8]}-{digits[8:]}-{'7fff' if waiting else '7000'}-8000-{number:012x}"


def fill(path: str) -> None:
    """Into a store that has its schema; indexes are made anew at the end, which is faster."""
    connection = apsw.Connection(path)
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
        connection.execute(f"PRAGMA {setting}")
    indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    made = connection.execute(indexes).fetchall()
    with connection:
        for name, _ in made:
            connection.execute(f'DROP INDEX "{name}"')
        for statement in _FILL:
            connection.execute(statement)
        for _, statement in made:
            connection.execute(statement)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


async def make(path: str) -> SqliteDatabase:
    """The store at `path`, which is not there yet."""
    database = await opened(path)
    await _add_tenants(database)
    await database.close()
    fill(path)
    database = await opened(path)
    await _add_webhooks(database, *(f"w{n}" for n in range(10)), "w-rare")
    return database


async def opened(path: str) -> SqliteDatabase:
    return await open_database(path, "process", clock=SetClock(LATER), about=About("host", 1, "0", (), 0))


async def subscribe(database: SqliteDatabase, *webhooks: str) -> None:
    """In an empty store."""
    await _add_tenants(database)
    await _add_webhooks(database, *webhooks)


async def _add_tenants(database: SqliteDatabase) -> None:
    for tenant in TENANTS:
        await database.book.add_tenant(Tenant(tenant, tenant, tenant, "sealed", 0))


async def _add_webhooks(database: SqliteDatabase, *webhooks: str) -> None:
    for version, name in enumerate(webhooks, start=1):
        hook = Webhook(name, "a", name, ("Type1",), "https://a.example", "", None, None, None, 0, 0)
        await database.book.save_webhook(hook, version)


class Million:
    """The store, and what the statements of a call cost."""

    def __init__(self, path: str, database: SqliteDatabase, run: Callable[[Any], Any]) -> None:
        self.path = path
        self.database = database
        self.run = run
        self._steps = 0
        self._until_now: dict[int, int] = {}  # steps of each statement
        self.pages = 0  # that readers looked up in the last call
        for connection in (*database._readers._idle, database._connection):
            connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._note)

    def _note(self, event: dict[str, Any]) -> None:
        """Counters go on for as long as a statement is kept."""
        runs, steps = (event["stmt_status"][f"SQLITE_STMTSTATUS_{name}"] for name in ("RUN", "VM_STEP"))
        self._steps += steps - (self._until_now[event["id"]] if runs > 1 else 0)
        self._until_now[event["id"]] = steps

    def cost(self, call: Any) -> tuple[Any, int]:
        self._steps = 0
        before = self._looked_up()
        found = self.run(call)
        self.pages = self._looked_up() - before
        return found, self._steps

    def _looked_up(self) -> int:
        kinds = (apsw.SQLITE_DBSTATUS_CACHE_HIT, apsw.SQLITE_DBSTATUS_CACHE_MISS)
        return sum(c.status(kind)[0] for c in self.database._readers._idle for kind in kinds)
