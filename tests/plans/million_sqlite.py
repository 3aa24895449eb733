"""A million events, endings and waiting deliveries in an SQLite store, made by SQL through the real schema.

Rows are a second apart. Tenant `b` has every twentieth. Delivery `n` is of event `n`; the queue holds further
ones. Of what is rare there are a few: type `Rare`, webhook `w-rare`, subject `s-rare`, endings other than
delivered. Subject `s-many` has one in thirteen.
"""

from __future__ import annotations

import apsw

ROWS = 1_000_000
START = 1_700_000_000_000
SECOND = 1_000
RARE = 50_000  # one in so many
ONE_OF_MANY = 13  # is about one subject
LEASED = 2_000  # deliveries under way, the newest ones

_NUMBERS = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})"
_AT = f"({START} + i * {SECOND})"
_ID = f"format('%08x-%04x-7000-8000-%012x', {_AT} >> 16, {_AT} & 65535, i)"
_TENANT = "CASE WHEN i % 20 = 0 THEN 2 ELSE 1 END"  # `a` is added first, then `b`
_TYPE = f"CASE WHEN i % {RARE} = 1 THEN 'Rare' ELSE 'Type' || (i % 5) END"
_SUBJECT = f"""CASE WHEN i % {RARE} = 2 THEN 's-rare' WHEN i % {ONE_OF_MANY} = 3 THEN 's-many'
    ELSE 's' || (i % 99991) END"""
_WEBHOOK = f"CASE WHEN i % {RARE} = 3 THEN 'w-rare' ELSE 'w' || (i % 10) END"
_LINE = "CASE WHEN i % 100 = 7 THEN 'exhausted' WHEN i % 200 = 9 THEN 'cancelled' ELSE 'delivered' END"

_FILL = (
    f"""{_NUMBERS} INSERT INTO event (tenant, id, type, subject, time, accepted, body, fingerprint, book)
        SELECT {_TENANT}, 'e' || i, {_TYPE}, {_SUBJECT}, {_AT}, {_AT}, x'7b7d', x'00', 1 FROM n""",
    f"""{_NUMBERS} INSERT INTO ledger (tenant, at, line, event, reason, delivery, webhook, webhook_name, type,
    subject, created, attempts, status)
        SELECT {_TENANT}, {_AT} + 50, {_LINE}, 'e' || i, 'r', {_ID}, {_WEBHOOK}, 'n', {_TYPE}, {_SUBJECT}, {_AT},
        1, 200 FROM n""",
    f"""{_NUMBERS} INSERT INTO queue (id, tenant, webhook, event, type, subject, attempts, created, due, lease)
        SELECT replace({_ID}, '-7000-', '-7fff-'), {_TENANT}, {_WEBHOOK}, 'e' || i, {_TYPE}, {_SUBJECT}, 1, {_AT},
        {_AT}, CASE WHEN i > {ROWS - LEASED} THEN 'process' END FROM n""",
)


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
