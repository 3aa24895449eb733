"""A simulated world: virtual time, seeded chance, a network that misbehaves. Everything else is real.

The engine, the use cases and the store (`sim/disk.py`) run unchanged. Hours pass in seconds, and the same seed
gives the same history.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from outrider.app.accept import Intake
from outrider.app.books import Books
from outrider.app.reading import EventInput, Limits, Reader
from outrider.dispatch.attempt import Attempter
from outrider.dispatch.engine import Engine, Parts
from outrider.dispatch.lanes import LaneLimits
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.work import Workbench
from outrider.domain.breaker import Rules
from outrider.domain.delivery import Policy
from outrider.domain.errors import StoreUnavailable
from outrider.domain.ids import Ids
from outrider.domain.masking import Masking
from outrider.domain.model import Ordering, Tenant, Webhook
from outrider.domain.secret_names import SecretNames
from outrider.ports.ledger import DeliveryQuery, DeliveryRow, EventQuery, LedgerLine
from outrider.ports.sender import Failure, FailureKind, Reply, Request, Timing
from outrider.vault.keyring import Keyring
from sim.disk import Disk, MakeDisk, SqliteDisk

EPOCH = 1_767_225_600_000
TENANT = "tenant"
LOOK_S = 10.0  # between looks at whether anything still waits


class _Jump(selectors.SelectSelector):
    """Instead of waiting, time jumps to the next thing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the simulation waits for something that will never happen")
        if timeout > 0:
            self.elapsed += timeout
        return []  # nothing in a simulation comes from outside


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.elapsed


class Chance:
    """Virtual time and seeded bytes. The wall clock can be set; time goes on."""

    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self._loop = loop
        self.random = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self._offset = 0

    def now(self) -> int:
        return self.true_now() + self._offset

    def true_now(self) -> int:
        return EPOCH + round(self._loop.time() * 1000)

    def step(self, milliseconds: int) -> None:
        """Somebody sets the clock."""
        self._offset += milliseconds

    def bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)

    def dice(self) -> float:
        return self.random.random()


class ProcessClock:
    """`ports.clock.Clock` of one life of the simulated process: its steady time begins with what the wall clock
    says."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._base = chance.now() - chance.true_now()

    def now(self) -> int:
        return self._chance.now()

    def steady(self) -> int:
        return self._base + self._chance.true_now()

    def set_steady(self, at: int) -> None:
        self._base = at - self._chance.true_now()


class LifeClock:
    """The clock of whichever life runs: the simulated disk outlasts them."""

    def __init__(self, life: ProcessClock) -> None:
        self.life = life

    def now(self) -> int:
        return self.life.now()

    def steady(self) -> int:
        return self.life.steady()

    def set_steady(self, at: int) -> None:
        self.life.set_steady(at)


class Network:
    """`ports.sender` for the simulation. Keeps a record of everything that was sent."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.health: dict[str, float] = {}  # by host: how often it answers 200
        self.under_way: Counter[str] = Counter()
        self.most_under_way: Counter[str] = Counter()
        self.sent: list[tuple[str, str, bytes, int]] = []  # host, event id, body, instant
        self.arrived: Counter[tuple[str, str]] = Counter()

    async def send(self, request: Request) -> Reply | Failure:
        host = request.url.split("/")[2]
        event = dict(request.headers)["webhook-id"]
        self.sent.append((host, event, request.body, self._chance.true_now()))
        self.under_way[host] += 1
        self.most_under_way[host] = max(self.most_under_way[host], self.under_way[host])
        try:
            return await self._answer(host, event)
        finally:
            self.under_way[host] -= 1

    async def _answer(self, host: str, event: str) -> Reply | Failure:
        draw = self._chance.random.random
        await asyncio.sleep(draw() * 0.2)
        if draw() < self.health.get(host, 1.0):
            self.arrived[host, event] += 1
            await asyncio.sleep(draw() * 0.05)
            return Reply(200, (), b"", False, Timing())
        if host == "unwilling":
            return Reply(400, (), b"", False, Timing())
        if host == "gone":
            return Reply(410, (), b"", False, Timing())
        fault = draw()
        if fault < 0.3:
            await asyncio.sleep(15)
            return Failure(FailureKind.TIMEOUT, "no whole answer within 15 s", Timing())
        if fault < 0.4:
            return Reply(429, (("retry-after", "30"),), b"", False, Timing())
        return Reply(500, (), b"", False, Timing())

    async def close(self) -> None:
        """Nothing to close."""


class World:
    """One tenant, webhooks by host, and an Outrider that can be killed and started again."""

    def __init__(self, chance: Chance, disk: Disk, policy: Policy, limits: LaneLimits) -> None:
        self.chance = chance
        self.disk = disk
        self.network = Network(self.chance)
        self.book = disk.book
        self.ledger = disk.ledger
        self.vault = Keyring({1: b"k" * 32})
        self.policy = policy
        self.limits = limits
        self.rules = Rules()
        self.hosts: dict[str, Ordering] = {}
        self.disabled: set[str] = set()
        self.told: list[str] = []  # System events about disabled webhooks
        self.rows: list[DeliveryRow] = []
        self.lines: dict[str, list[LedgerLine]] = {}
        self.lives = 0
        self.unseen: list[tuple[int, int]] = []  # when the clock was set forward while nothing ran, and how far
        self.outages: list[tuple[int, int]] = []  # true instants between which nothing ran
        self.stops = 0  # graceful ones, and the end
        self.in_flight_at_kills = 0
        self.accepted: list[str] = []

    async def begin(self, hosts: list[str], ordered: dict[str, Ordering] | None = None) -> None:
        sealed = self.vault.seal("secret", f"tenant/{TENANT}/api-secret")
        await self.book.add_tenant(Tenant(TENANT, "t", "key", sealed, 0))
        for host in hosts:
            hook = Webhook(host, TENANT, host, ("Login",), f"https://{host}/", "", None, None, None, 0, 0)
            self.hosts[host] = (ordered or {}).get(host, Ordering.NONE)
            found = msgspec.structs.replace(hook, ordering=self.hosts[host])
            await self.book.save_webhook(found, (await self.book.tenant(TENANT)).version)
        await self.start()

    async def start(self) -> None:
        self.lives += 1
        clock = ProcessClock(self.chance)
        self.disk.clock.life = clock
        self.queue = self.disk.queue(f"life-{self.lives}")
        self.books = Books(self.book, self.vault)
        await self.books.load()
        ids = Ids(self.chance.now, self.chance.bytes)
        work = Workbench()  # nothing here is large enough for it
        receivers = Receivers(clock, self.chance, self.rules)
        attempter = Attempter(
            picture=self.books, sender=self.network, vault=self.vault, clock=clock, entropy=self.chance,
            ids=ids, receivers=receivers, policy=self.policy, timeout_ms=15_000,
        )  # fmt: skip
        self.engine = Engine(
            queue=self.queue, jobs=self.disk.jobs, upkeep=self.disk.upkeep, picture=self.books,
            attempter=attempter, receivers=receivers, clock=clock, ids=ids, work=work, limits=self.limits,
            parts=Parts(), hint=lambda: None, retention=None,
        )  # fmt: skip
        self.intake = Intake(
            books=self.books, queue=self.queue, handover=self.engine.lanes,
            reader=Reader(
                vault=self.vault, clock=clock, ids=ids, limits=Limits(),
                masking=Masking(SecretNames()), work=work), ids=ids, work=work,
        )  # fmt: skip
        await self.engine.start()

    async def kill(self) -> None:
        """As `kill -9` would: tasks vanish between two steps, nothing is released or settled."""
        self.in_flight_at_kills += self.engine.lanes.held
        self.engine.lanes.close()  # a dead process launches nothing
        tasks = [*self.engine._services, *self.engine._attempts]
        if self.engine._settling is not None:
            tasks.append(self.engine._settling)
        self.engine._settler._gathered.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def accept(self, count: int) -> None:
        """Producers who give up on 503: only committed ids are remembered."""
        draw = self.chance.random.randint
        events = [EventInput("Login", msgspec.Raw(b'{"Uid":"u%d"}' % draw(1, 5))) for _ in range(count)]
        try:
            done = await self.intake.accept_many(TENANT, events, prevented=False)
        except StoreUnavailable:
            return
        self.accepted += [one.Id for one in done]

    async def stop(self, grace_s: float) -> None:
        self.stops += 1
        await self.engine.stop(grace_s)

    async def halt(self) -> None:
        await self.stop(2)

    async def rest_stopped(self, seconds: float, jump: int) -> None:
        """Nothing runs for a while, and meanwhile somebody sets the clock; then it starts again."""
        began = self.chance.true_now()
        await asyncio.sleep(seconds)
        self.chance.step(jump)
        self.outages.append((began, self.chance.true_now()))
        self.unseen.append((self.chance.true_now(), jump))
        await self.start()

    async def rest(self, longest_s: float) -> None:
        """Until nothing waits, at most this long; then for as long as a retry that should not be could be due."""
        waiting = DeliveryQuery(type="Login", state="waiting")
        for _ in range(round(longest_s / LOOK_S)):
            if not await self.ledger.deliveries(TENANT, waiting, None, 1):
                break
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep((1 + self.policy.jitter) * max(self.policy.schedule) / 1000 + LOOK_S)

    async def end(self) -> None:
        """Stop, and read what the ledger has to say."""
        before: str | None = None
        while found := await self.ledger.deliveries(TENANT, DeliveryQuery(type="Login"), before, 200):
            self.rows += found
            before = found[-1].id
        self.lines = {row.id: await self.ledger.lines(TENANT, row.id) for row in self.rows}
        told = await self.ledger.events(TENANT, EventQuery(type="WebhookDisabled"), None, 10)
        self.told = [row.event.type for row in told]
        self.disabled = {w.id for w in self.books.of(TENANT).webhooks.values() if w.disabled_reason}
        await self.stop(1)


Play = Callable[[World], Coroutine[Any, Any, None]]


def simulate(
    seed: int,
    play: Play,
    policy: Policy,
    limits: LaneLimits,
    on: MakeDisk = SqliteDisk,
) -> World:
    """Run `play` in a world of this seed until it returns. `on` makes the store, given the clock."""
    loop = VirtualLoop()
    chance = Chance(loop, seed)
    disk = on(LifeClock(ProcessClock(chance)))
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            world = World(chance, disk, policy, limits)
            runner.run(play(world))
    finally:
        disk.close()
    return world
