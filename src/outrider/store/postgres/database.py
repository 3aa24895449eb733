"""Opening and closing: connections, the server checked, migrations, and the ports on top."""

from __future__ import annotations

import logging

import msgspec

from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.domain.readiness import Unready
from outrider.ports.clock import Clock
from outrider.ports.system import About
from outrider.store.postgres.book import PostgresBook
from outrider.store.postgres.connections import Connections, Url, check_server, connect, parse_url
from outrider.store.postgres.contents import is_unfinished
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.faults import SETTING, explained
from outrider.store.postgres.jobs import PostgresJobs
from outrider.store.postgres.ledger import PostgresLedger
from outrider.store.postgres.migrate import Migration, migrate, migrations
from outrider.store.postgres.neighbours import PostgresNeighbours
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.postgres.nodes import Nodes
from outrider.store.postgres.objects import PostgresObjects
from outrider.store.postgres.queue import PostgresQueue
from outrider.store.postgres.upkeep import PostgresSystem, PostgresUpkeep

log = logging.getLogger("outrider.store")
READ_LIMIT = "5s"
FOR_READERS = 3  # connections; lists must not keep intake waiting


class PostgresDatabase:
    """The store's ports. `close` is idempotent."""

    def __init__(
        self,
        writers: Connections,
        readers: Connections,
        url: Url,
        nodes: Nodes,
        known: list[Migration],
        *,
        clock: Clock,
    ) -> None:
        self._writers = writers
        self._readers = readers
        self._nodes = nodes
        self._closed = False
        self.queue = PostgresQueue(writers, nodes, Doubts(), clock)
        self.book = PostgresBook(writers, clock)
        self.jobs = PostgresJobs(writers, clock)
        self.ledger = PostgresLedger(readers, clock)
        self.objects = PostgresObjects(readers)
        self.upkeep = PostgresUpkeep(writers, known)
        self.system = PostgresSystem(readers)
        self.neighbours = PostgresNeighbours(writers, url, nodes.incarnation)

    async def unready(self) -> Unready | None:
        return await self.queue.unready()

    def explained(self, error: BaseException) -> ConfigError | None:
        return explained(error)

    async def wipe(self) -> None:
        """Nothing: what lies in the server's files, its WAL and its archives is its administrator's to clear."""

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.queue.close()
        try:
            await self._nodes.leave()
        except StoreUnavailable as error:
            log.warning("could not sign off, the others will notice: %s", error)
        await self._writers.close()
        await self._readers.close()


async def open_database(
    text: str, incarnation: str, *, clock: Clock, size: int, about: About, dispatches: bool, keeps_house: bool
) -> PostgresDatabase:
    """Connect with at most `size` connections and bring the schema up to date. The steady time of `clock` is set
    with the first heartbeat. Raises ConfigError (OUTRIDER_STORE)."""
    url = parse_url(text)
    known = migrations()
    described = msgspec.json.encode(msgspec.to_builtins(about) | {"schema": len(known)}).decode()
    writers = await connect(url, size - FOR_READERS)
    nodes = Nodes(
        writers,
        incarnation,
        clock=clock,
        dispatches=dispatches,
        keeps_house=keeps_house,
        about=described,
        schema=len(known),
    )
    try:
        # One more listens to what other processes say; behind a pooler the limits are the pooler's.
        await check_server(writers, NODE, needed=0 if url.pooled else size + 1)
        if await is_unfinished(writers):
            raise ConfigError(SETTING, "a whole store", "an unfinished copy of another one")
        await migrate(writers, known, nodes.join)
        readers = await connect(url, FOR_READERS, statement_timeout=READ_LIMIT)
    except BaseException as error:
        await writers.close()
        found = explained(error)
        if found is None:
            raise
        raise found from error
    return PostgresDatabase(writers, readers, url, nodes, known, clock=clock)
