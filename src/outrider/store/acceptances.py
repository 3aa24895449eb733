"""Group commit, for either store: acceptances that come while a commit runs share the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Acceptance
from outrider.ports.queue import Receipt
from outrider.store.readiness import Evidence

EVENTS = 500  # in one commit; a larger acceptance has one to itself
TURN = 100  # events of one tenant, or a little more, before the next tenant has its turn
DELIVERIES_PER_EVENT, BYTES_PER_EVENT = 4, 16 * 1024  # what is owed to more webhooks, or larger, counts for several
WAITING = 20_000  # acceptances; more are refused, so that a stalled store is felt by producers and not by memory

Commit = Callable[[Sequence[Acceptance]], Awaitable[Sequence[Receipt | Exception]]]


class Outcome(asyncio.Future[Receipt]):
    """What becomes of an acceptance. Whoever waits for it learns it before being cancelled: a commit that is under
    way cannot be called back, and what it leases has to be handed over."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - asyncio's signature
        return False


Waiting = tuple[Acceptance, Outcome, int]  # and what it adds to a commit


class Acceptances:
    """Tenants take turns and a commit is kept short: one that floods delays the others by a commit, not by its
    backlog.

    `commit` answers for each acceptance of a group with its receipt or why it was refused. When it raises for a
    reason that one of them gave, each is committed on its own. `at_once` commits may be under way. `evidence`: what
    became of the last commit.
    """

    def __init__(self, commit: Commit, *, at_once: int = 1) -> None:
        self._commit = commit
        self._idle = at_once
        self._waiting: dict[str, deque[Waiting]] = {}  # by tenant, in the order of their turns
        self._count = 0
        self._committing: set[asyncio.Task[None]] = set()
        self.evidence = Evidence()

    async def store(self, acceptance: Acceptance) -> Receipt:
        """Durable on return. Raises what `commit` answers, or StoreUnavailable."""
        if self._count >= WAITING:
            error = StoreUnavailable("too many writes are waiting for the store")
            self.evidence.take(error)
            raise error
        loop = asyncio.get_running_loop()
        outcome = Outcome(loop=loop)
        self._waiting.setdefault(acceptance.tenant, deque()).append((acceptance, outcome, _size(acceptance)))
        self._count += 1
        if self._idle:
            self._idle -= 1
            task = loop.create_task(self._commit_all())
            self._committing.add(task)
            task.add_done_callback(self._committing.discard)
        try:
            return await outcome
        except asyncio.CancelledError:
            task_ = asyncio.current_task()
            if not outcome.done() or task_ is None:
                raise
            task_.cancel()  # again, at its next wait
            return outcome.result()

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group = self._group()
                self._count -= len(group)
                await self._answer(group)
        finally:
            self._idle += 1

    def _group(self) -> list[Waiting]:
        """What the tenants that wait give in their turns, until what is next does not fit."""
        group: list[Waiting] = []
        events = 0
        while self._waiting:
            tenant, waiting = next(iter(self._waiting.items()))
            end = events + TURN
            while waiting and events < end:
                size = waiting[0][2]
                if group and events + size > EVENTS:
                    return group
                group.append(waiting.popleft())
                events += size
            del self._waiting[tenant]
            if waiting:
                self._waiting[tenant] = waiting  # at the end of the line
        return group

    async def _answer(self, group: list[Waiting]) -> None:
        try:
            results = await self._commit([acceptance for acceptance, _, _ in group])
        except StoreUnavailable as error:
            self.evidence.take(error)
            group += self._rest()  # they would wait for the same: tell them now
            results = [error] * len(group)
        except Exception as error:
            if len(group) > 1:
                for one in group:
                    await self._answer([one])
                return
            results = [error]
        else:
            self.evidence.take(None)
        for (_, outcome, _), result in zip(group, results, strict=True):
            if isinstance(result, Exception):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)

    def _rest(self) -> list[Waiting]:
        rest = [waiting for line in self._waiting.values() for waiting in line]
        self._waiting.clear()
        self._count -= len(rest)
        return rest


def _size(acceptance: Acceptance) -> int:
    """What it adds to a commit, counted in usual events."""
    events = acceptance.events
    size = len(events[0].body) if len(events) == 1 else sum([len(event.body) for event in events])
    return len(events) + len(acceptance.deliveries) // DELIVERIES_PER_EVENT + size // BYTES_PER_EVENT
