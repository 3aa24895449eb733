"""The only place that builds objects: from settings to a running Outrider."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from outrider import __version__, descriptors
from outrider.app.accept import Intake
from outrider.app.access import Access
from outrider.app.books import Books
from outrider.app.bootstrap import FirstCredentials, bootstrap
from outrider.app.explain import Explain
from outrider.app.follow import Follower
from outrider.app.guesses import Guesses
from outrider.app.history import History
from outrider.app.keys import Keys
from outrider.app.objects import Objects
from outrider.app.pace import Pace
from outrider.app.reading import Limits, Reader
from outrider.app.recovery import Recovery
from outrider.app.sealing import Sealer, seal_stored
from outrider.app.secrets import Secrets
from outrider.app.services import Services
from outrider.app.settings import Settings
from outrider.app.subscriptions import Subscriptions
from outrider.app.system import System
from outrider.app.trials import Trials
from outrider.app.webhooks import Webhooks
from outrider.config import Config, Role
from outrider.dispatch import heartbeat
from outrider.dispatch.attempt import Attempter
from outrider.dispatch.elsewhere import Elsewhere
from outrider.dispatch.engine import Engine, Parts
from outrider.dispatch.lanes import LaneLimits
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.services import kept_running
from outrider.dispatch.work import Workbench
from outrider.domain.address import AddressPolicy
from outrider.domain.breaker import Rules
from outrider.domain.clock import DAY
from outrider.domain.delivery import Policy
from outrider.domain.errors import ConfigError
from outrider.domain.ids import Ids
from outrider.domain.masking import Masking
from outrider.domain.readiness import Unready
from outrider.domain.secret_names import SecretNames
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.observe.turns import TurnWatch
from outrider.ports.contents import Contents, Copy
from outrider.ports.handover import Handover
from outrider.ports.store import Store
from outrider.ports.system import About
from outrider.store.postgres import contents as postgres_contents
from outrider.store.postgres import database as postgres
from outrider.store.sqlite import backup as sqlite_backup
from outrider.store.sqlite import contents as sqlite_contents
from outrider.store.sqlite import database as sqlite
from outrider.vault.keyring import Keyring, open_keyring, unwrapped
from outrider.vault.root import missing, root_key


class Outrider(msgspec.Struct):
    """A built instance: use cases for the doors, the engine, and what to close. `stopping`: it serves what still
    comes and asks balancers to send it elsewhere."""

    services: Services
    engine: Engine
    sender: HttpSender
    store: Store
    beside: tuple[Callable[[], Coroutine[None, None, None]], ...]  # services where other processes share the store
    first: FirstCredentials | None
    takes_events: bool
    workbench: Workbench
    turns: TurnWatch
    running: bool = False
    stopping: bool = False
    tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take over what an earlier process left, then deliver. Idempotent. When that cannot be done, closes the
        store and raises ConfigError."""
        if self.running:
            return
        try:
            await self.engine.start()
        except BaseException as error:
            await self.sender.close()
            await self.store.close()
            self._rest()
            found = self.store.explained(error)
            if found is None:
                raise
            raise found from error
        start = asyncio.get_running_loop().create_task
        self.tasks = [start(kept_running(run)) for run in self.beside]
        self.running = True

    async def unready(self) -> list[Unready]:
        """Why an event would not be accepted now; nothing when it would. Cheap, however many ask."""
        if self.stopping or not self.running:
            return [Unready.STOPPING if self.stopping else Unready.STARTING]
        if not self.takes_events:
            return [Unready.NO_INTAKE]
        return [reason for reason in (await self.store.unready(), self.engine.unready) if reason is not None]

    async def stop(self, grace_s: float) -> None:
        """Finish attempts under way, give leases back, close connections and the store. Idempotent."""
        self.stopping = True
        if not self.running:
            return
        self.running = False
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.engine.stop(grace_s)
        await self.sender.close()
        await self.store.close()
        self._rest()

    def _rest(self) -> None:
        self.workbench.close()
        self.turns.stop()


async def open_store(config: Config, clock: SystemClock) -> Store:
    """Raises ConfigError (OUTRIDER_STORE)."""
    about = About(
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        roles=tuple(str(role) for role in config.roles),
        started=clock.now(),
    )
    incarnation = uuid.uuid4().hex
    if not config.shared:
        return await sqlite.open_database(str(config.store_path), incarnation, clock=clock, about=about)
    return await postgres.open_database(
        config.store,
        incarnation,
        clock=clock,
        size=config.store_connections,
        about=about,
        dispatches=Role.DISPATCH in config.roles,
        keeps_house=Role.HOUSEKEEPING in config.roles,
    )


async def open_contents(config: Config, side: str, *, to_write: bool) -> Copy:
    """The store's contents while nobody serves it. Raises ConfigError (`side`)."""
    if not config.shared:
        return await sqlite_contents.open_contents(str(config.store_path), side, to_write=to_write)
    silent_after = round(heartbeat.BEAT_S * heartbeat.BEATS_UNTIL_DEAD * 1000)
    return await postgres_contents.open_contents(config.store, side, to_write=to_write, silent_after=silent_after)


async def check_root_key(contents: Contents, source: Config, target: Config) -> None:
    """Raises ConfigError unless the root key opens the source's secrets and the target can be served with it."""
    wrapped = await contents.data_keys()
    if not wrapped:
        raise ConfigError("source", "a store that has been served", "an empty one")
    given = source.root_key or source.root_key_file
    if not given and source.shared and target.shared:
        raise ConfigError("OUTRIDER_ROOT_KEY", "OUTRIDER_ROOT_KEY or OUTRIDER_ROOT_KEY_FILE", "neither")
    beside = target if source.shared else source
    root = root_key(source.root_key, beside.root_key_path)
    if root is None:
        raise missing(beside.root_key_path)
    unwrapped(root, wrapped)
    if not given and not target.shared:
        try:
            there = root_key(None, target.root_key_path)
            if there is not None:
                unwrapped(there, wrapped)
        except ConfigError as error:
            raise ConfigError("target", "the source's root key beside it, or none", "another one") from error


def back_up(config: Config, target: Path, told: Callable[[int, int], None]) -> None:
    """The SQLite file as it is now, to a new one. Raises ConfigError, StoreUnavailable."""
    sqlite_backup.back_up(config.store_path, target, told)


async def build(config: Config) -> Outrider:
    """Open the store and wire everything to it. Raises ConfigError for what cannot be honoured."""
    clock, entropy = SystemClock(), SystemEntropy()
    egress = AddressPolicy.parse(config.egress_allow)
    sender = HttpSender(
        egress,
        make_tls_context(config.egress_ca_file),
        connections=descriptors.outgoing(descriptors.raised_limit()),
    )
    root = root_key(config.root_key, config.root_key_path)
    store = await open_store(config, clock)
    try:
        vault = await open_keyring(root, store.book, config.root_key_path)
        await seal_stored(store.book, vault)
        await store.wipe()
        books = Books(store.book, vault)
        await books.load()
        first = await bootstrap(
            book=store.book,
            books=books,
            vault=vault,
            clock=clock,
            entropy=entropy,
            api_key=config.bootstrap_api_key,
            api_secret=config.bootstrap_api_secret,
        )
    except BaseException as error:
        await store.close()
        found = store.explained(error)
        if found is None:
            raise
        raise found from error
    ids = Ids(clock.now, entropy.bytes)
    made = _Made(config, store, books, vault, egress, sender, first, clock, entropy, ids, Workbench(), TurnWatch())
    return _wire(made)


def _connections() -> int:
    """How many connections to receivers there may be."""
    return descriptors.outgoing(descriptors.raised_limit())


def _lane_limits(connections: int) -> LaneLimits:
    """Deliveries under way never want more connections than there may be."""
    usual = LaneLimits()
    return msgspec.structs.replace(usual, under_way=max(1, min(usual.under_way, connections * 3 // 4)))


class _Made(msgspec.Struct, frozen=True):
    """What everything else is built on."""

    config: Config
    store: Store
    books: Books
    vault: Keyring
    egress: AddressPolicy
    sender: HttpSender
    first: FirstCredentials | None
    clock: SystemClock
    entropy: SystemEntropy
    ids: Ids
    workbench: Workbench
    turns: TurnWatch


def _wire(made: _Made) -> Outrider:
    config, store, books, vault = made.config, made.store, made.books, made.vault
    clock, entropy, ids = made.clock, made.entropy, made.ids
    receivers = Receivers(clock, entropy, Rules())
    attempter = Attempter(
        picture=books,
        sender=made.sender,
        vault=vault,
        clock=clock,
        entropy=entropy,
        ids=ids,
        receivers=receivers,
        policy=Policy(schedule=config.retry_schedule_ms),
        timeout_ms=config.timeout_ms,
    )
    neighbours = store.neighbours
    hint = neighbours.hint if neighbours is not None else _nobody
    engine = Engine(
        queue=store.queue,
        jobs=store.jobs,
        upkeep=store.upkeep,
        picture=books,
        attempter=attempter,
        receivers=receivers,
        clock=clock,
        ids=ids,
        work=made.workbench,
        limits=_lane_limits(_connections()),
        parts=Parts(Role.DISPATCH in config.roles, Role.HOUSEKEEPING in config.roles),
        hint=hint,
        retention=None if config.retention_days is None else config.retention_days * DAY,
    )
    handover: Handover = engine.lanes if Role.DISPATCH in config.roles else Elsewhere(hint)
    services = _services(made, handover, attempter)
    beside: tuple[Callable[[], Coroutine[None, None, None]], ...] = ()
    if neighbours is not None:
        follower = Follower(neighbours, books, learn=receivers.learn, wake=engine.wake)
        beside = (follower.run, follower.listen, Sealer(store.book, vault).run)
    return Outrider(
        services,
        engine,
        made.sender,
        store,
        beside,
        made.first,
        Role.INTAKE in config.roles,
        made.workbench,
        made.turns,
    )


def _services(made: _Made, handover: Handover, attempter: Attempter) -> Services:
    config, store, books, vault = made.config, made.store, made.books, made.vault
    clock, entropy, ids, work = made.clock, made.entropy, made.ids, made.workbench
    managed: dict[str, Any] = {"book": store.book, "books": books, "clock": clock, "entropy": entropy}
    reaching = managed | {"vault": vault, "handover": handover}
    webhooks = Webhooks(**reaching, ledger=store.ledger, egress=made.egress)
    masking = Masking(SecretNames.parse(config.masked_fields))
    intake = Intake(
        books=books,
        queue=store.queue,
        handover=handover,
        reader=Reader(
            vault=vault,
            clock=clock,
            ids=ids,
            limits=Limits(event_bytes=config.max_event_bytes),
            masking=masking,
            work=work,
        ),
        ids=ids,
        work=work,
    )
    return Services(
        access=Access(books, vault, clock, Guesses(config.denied_per_minute, time.monotonic)),
        intake=intake,
        pace=Pace(books, time.monotonic),
        settings=Settings(book=store.book, books=books),
        webhooks=webhooks,
        subscriptions=Subscriptions(webhooks),
        trials=Trials(
            webhooks=webhooks,
            prober=attempter,
            clock=clock,
            ids=ids,
            masking=masking,
            work=work,
            largest=config.max_event_bytes,
        ),
        secrets=Secrets(**reaching, ids=ids),
        keys=Keys(**managed),
        history=History(store.ledger),
        recovery=Recovery(
            jobs=store.jobs, ledger=store.ledger, books=books, handover=handover, clock=clock, ids=ids, work=work
        ),
        explain=Explain(ledger=store.ledger, books=books, clock=clock, work=work),
        objects=Objects(
            objects=store.objects,
            intake=intake,
            vault=vault,
            clock=clock,
            entropy=entropy,
            work=work,
            largest=config.max_event_bytes,
        ),
        system=System(
            store="postgresql" if config.shared else "sqlite",
            processes=store.system,
            queue=store.queue,
            upkeep=store.upkeep,
            engine=attempter.warnings,
            turns=made.turns,
        ),
        work=work,
    )


def _nobody() -> None:
    """No other process shares the store."""
