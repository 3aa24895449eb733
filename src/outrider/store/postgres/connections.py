"""Connections to PostgreSQL: a pool without session state, every use under a deadline, errors by who is to blame.

Nothing here outlives a transaction (no session locks, no temporary tables, no settings changed on the way), so a
pooler in transaction mode may stand between. `?pooler=transaction` in the URL says that one does: then nothing is
prepared, and every use is a transaction that begins with the settings which otherwise hold for the connection. A
statement on its own would be committed by the server even after we gave it up and hung up on the pooler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
import msgspec

from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.store.postgres.faults import SETTING, explained

T = TypeVar("T")
Connection = asyncpg.Connection
Work = Callable[[Any], Awaitable[T]]
log = logging.getLogger("outrider.store")
CONNECT_S = 2.0
LIMIT_S = 5.0  # for one use of a connection; what takes longer is given up, so that producers hear 503 in time
OLDEST = 14

_SETTINGS = {
    # Planned for each use: the queue is empty now and holds a million rows a moment later.
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    # Read in the order of an index, also where a new day has no statistics yet: what is taken for little
    # would be read whole, and sorted.
    "enable_sort": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "lock_timeout": "4s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
}
_FILES = {"sslrootcert", "sslcert", "sslkey", "sslcrl"}
_KEEPALIVES = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}
GONE = (
    OSError,  # TimeoutError is one
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,  # somebody migrated; the next connection plans anew
    asyncpg.InternalClientError,
)


class Url(msgspec.Struct, frozen=True):
    """Where the database is, without our own parameters, and whether a transaction pooler stands between."""

    dsn: str
    pooled: bool


def parse_url(text: str) -> Url:
    """Raises ConfigError without quoting the URL, which holds a password."""
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    pooler = query.pop("pooler", None)
    if pooler not in (None, "transaction"):
        raise ConfigError(SETTING, "pooler=transaction, or no pooler parameter", f"pooler={pooler[:20]}")
    for name in _FILES & query.keys():
        if query[name] != "system" and not Path(query[name]).is_file():
            raise ConfigError(SETTING, f"a URL whose {name} is a file", "none there")
    return Url(urlunsplit(parts._replace(query=urlencode(query))), pooler is not None)


class _Stateless(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """There is no state to reset when a connection goes back to the pool, so that is no round trip."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class Connections:
    """At most `size` connections. `run` and `in_transaction` are the only ways to use one.

    `opening` is the statement that every use begins with behind a pooler; None where none stands between.
    """

    def __init__(self, pool: Any, opening: str | None) -> None:
        self._pool = pool
        self._opening = opening

    async def run(self, work: Work[T], *, limit_s: float = LIMIT_S) -> T:
        """What `work` returns, given a connection; each of its statements is a transaction.

        Raises StoreUnavailable when the database is not there now: then a transaction that was being committed may
        have been, see `Doubts`.
        """
        if self._opening is not None:
            return await self.in_transaction(work, limit_s=limit_s)
        return await self._use(work, limit_s)

    async def in_transaction(self, work: Work[T], *, limit_s: float = LIMIT_S) -> T:
        """The same, all of it or nothing of it."""
        return await self._use(self._whole(work), limit_s)

    def _whole(self, work: Work[T], **options: Any) -> Work[T]:
        async def whole(connection: Any) -> T:
            async with connection.transaction(**options):
                if self._opening is not None:
                    await connection.execute(self._opening)
                return await work(connection)

        return whole

    async def _use(self, work: Work[T], limit_s: float) -> T:
        connection = None
        try:
            async with asyncio.timeout(limit_s):
                connection = await self._pool.acquire()
                return await work(connection)
        except GONE as error:
            if isinstance(error, ValueError):
                raise  # the driver's word for an argument of the wrong type: a defect of ours, not an outage
            _hang_up(connection)
            raise unavailable(error) from error
        except asyncio.CancelledError:
            _hang_up(connection)
            raise
        finally:
            if connection is not None:
                await self._pool.release(connection)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


def _hang_up(connection: Any | None) -> None:
    """Without a polite goodbye, which would wait for a server that may be gone."""
    if connection is None:
        return
    try:
        connection.terminate()
    except asyncpg.InterfaceError as error:
        log.debug("the pool has thrown it away already: %s", error)


def rows_of(status: str) -> int:
    """How many rows a statement touched, from the server's word for what it did (`UPDATE 3`)."""
    return int(status.rpartition(" ")[2])


def unavailable(error: BaseException) -> StoreUnavailable:
    """What is said of it names the kind of error only: messages of drivers quote what they were given."""
    return StoreUnavailable(f"PostgreSQL cannot be used: {type(error).__name__}")


async def connect(url: Url, size: int, **settings: str) -> Connections:
    """Raises ConfigError when there is no PostgreSQL at `url`. `settings` go on top of ours."""
    settings = _SETTINGS | settings
    opening = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())
    at_start = {"application_name": "outrider"} | settings | _KEEPALIVES
    try:
        pool = await asyncpg.create_pool(
            url.dsn,
            min_size=1,
            max_size=size,
            timeout=CONNECT_S,
            connection_class=_Stateless,
            statement_cache_size=0 if url.pooled else 200,
            max_inactive_connection_lifetime=60,
            server_settings={} if url.pooled else at_start,
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        url_fault = ConfigError(SETTING, "a URL of a PostgreSQL database", type(error).__name__)
        raise explained(error) or url_fault from error
    return Connections(pool, opening if url.pooled else None)


async def check_server(connections: Connections, sql: dict[str, str], *, needed: int = 0) -> None:
    """Refuse a server that is too old, cannot be written, has no room for the `needed` connections, or does not
    make commits durable: 202 would be a lie."""
    row = await connections.run(lambda connection: connection.fetchrow(sql["server"]))
    if row["version"] // 10_000 < OLDEST:
        raise ConfigError(SETTING, f"PostgreSQL {OLDEST} or newer", f"version {row['version'] // 10_000}")
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        if row[name] in ("off", "local" if name == "synchronous_commit" else "off"):
            raise ConfigError(SETTING, f"a server with {name} = on", f"{name} = {row[name]}")
    _check_database(row)
    if not row["superuser"] and row["connections"] < needed:
        expected = f"{needed} connections for this process (raise the limit, or lower OUTRIDER_STORE_CONNECTIONS)"
        raise ConfigError(SETTING, expected, f"a limit of {row['connections']}")


def _check_database(row: Any) -> None:
    """Refuse what would be found out only by the first event."""
    if row["standby"] or row["read_only"] == "on":
        given = "a standby" if row["standby"] else "one that is read-only (default_transaction_read_only)"
        raise ConfigError(SETTING, "a server that may be written", given)
    if row["encoding"] != "UTF8":
        expected = "a database whose encoding is UTF8 (CREATE DATABASE … ENCODING UTF8 TEMPLATE template0)"
        raise ConfigError(SETTING, expected, row["encoding"])
    if row["schema"] is None:
        raise ConfigError(SETTING, "a schema that exists (look at search_path)", "none")
    if not row["creates"]:
        expected = "a role that may create tables (GRANT CREATE ON SCHEMA, or make it the owner)"
        raise ConfigError(SETTING, expected, "one that may not")
