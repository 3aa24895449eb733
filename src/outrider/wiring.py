"""The only place that builds objects: from settings to a running Outrider."""

from __future__ import annotations

import time
import uuid
from typing import Any

import msgspec

from outrider.app.accept import Intake, Limits
from outrider.app.access import Access
from outrider.app.books import Books
from outrider.app.bootstrap import FirstCredentials, bootstrap
from outrider.app.explain import Explain
from outrider.app.history import History
from outrider.app.keys import Keys
from outrider.app.pace import Pace
from outrider.app.recovery import Recovery
from outrider.app.secrets import Secrets
from outrider.app.services import Services
from outrider.app.settings import Settings
from outrider.app.subscriptions import Subscriptions
from outrider.app.trials import Trials
from outrider.app.webhooks import Webhooks
from outrider.config import Config
from outrider.dispatch.attempt import Attempter
from outrider.dispatch.engine import Engine
from outrider.dispatch.lanes import LaneLimits
from outrider.dispatch.receivers import Receivers
from outrider.domain.address import AddressPolicy
from outrider.domain.breaker import Rules
from outrider.domain.delivery import Policy
from outrider.domain.ids import Ids
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.store.sqlite.database import SqliteDatabase, open_database
from outrider.vault.keyring import open_keyring
from outrider.vault.root import root_key


class Outrider(msgspec.Struct):
    """A built instance: use cases for the doors, the engine, and what to close."""

    services: Services
    engine: Engine
    sender: HttpSender
    database: SqliteDatabase
    first: FirstCredentials | None
    running: bool = False

    async def start(self) -> None:
        """Take over what an earlier process left, then deliver."""
        await self.engine.start()
        self.running = True

    async def stop(self, grace_s: float) -> None:
        """Finish attempts under way, give leases back, close connections and the store. Idempotent."""
        if not self.running:
            return
        self.running = False
        await self.engine.stop(grace_s)
        await self.sender.close()
        await self.database.close()


async def build(config: Config) -> Outrider:
    """Open the store and wire everything to it. Raises ConfigError for what cannot be honoured."""
    clock, entropy = SystemClock(), SystemEntropy()
    sender = HttpSender(AddressPolicy.parse(config.egress_allow), make_tls_context(config.egress_ca_file))
    root = root_key(config.root_key, config.root_key_path)
    database = await open_database(str(config.store_path), uuid.uuid4().hex)
    try:
        book = database.book
        vault = await open_keyring(root, book)
        books = Books(book)
        await books.load()
        first = await bootstrap(
            book=book,
            books=books,
            vault=vault,
            clock=clock,
            entropy=entropy,
            api_key=config.bootstrap_api_key,
            api_secret=config.bootstrap_api_secret,
        )
    except BaseException:
        await database.close()
        raise
    ids = Ids(clock.now, entropy.bytes)
    receivers = Receivers(clock, entropy, Rules())
    attempter = Attempter(
        picture=books,
        sender=sender,
        vault=vault,
        clock=clock,
        entropy=entropy,
        ids=ids,
        receivers=receivers,
        policy=Policy(schedule=config.retry_schedule_ms),
        timeout_ms=config.timeout_ms,
    )
    engine = Engine(
        queue=database.queue,
        jobs=database.jobs,
        picture=books,
        attempter=attempter,
        receivers=receivers,
        clock=clock,
        ids=ids,
        limits=LaneLimits(),
    )
    managed: dict[str, Any] = {"book": book, "books": books, "clock": clock, "entropy": entropy}
    reaching = managed | {"vault": vault, "handover": engine.lanes}
    webhooks = Webhooks(**reaching, ledger=database.ledger)
    services = Services(
        access=Access(books, vault, clock),
        pace=Pace(books, time.monotonic),
        intake=Intake(
            books=books,
            queue=database.queue,
            handover=engine.lanes,
            vault=vault,
            clock=clock,
            ids=ids,
            limits=Limits(event_bytes=config.max_event_bytes),
        ),
        settings=Settings(book=book, books=books),
        webhooks=webhooks,
        subscriptions=Subscriptions(webhooks),
        trials=Trials(webhooks=webhooks, prober=attempter, clock=clock, ids=ids),
        secrets=Secrets(**reaching, ids=ids),
        keys=Keys(**managed),
        history=History(database.ledger),
        recovery=Recovery(
            jobs=database.jobs, ledger=database.ledger, books=books, handover=engine.lanes, clock=clock, ids=ids
        ),
        explain=Explain(ledger=database.ledger, books=books, clock=clock),
    )
    return Outrider(services, engine, sender, database, first)
