"""Acceptances on their way into the store: those that come while a commit runs share the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import apsw

from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Acceptance
from outrider.ports.book import StaleBook
from outrider.ports.queue import Receipt
from outrider.store.sqlite.rows import SQL, store_all
from outrider.store.sqlite.writer import Writer

EVENTS = 500  # in one commit; a larger acceptance has one to itself
TURN = 100  # events of one tenant, or a little more, before the next tenant has its turn
WAITING = 20_000  # acceptances; more are refused, so that a stalled disk is felt by producers and not by memory


class Outcome(asyncio.Future[Receipt]):
    """What becomes of an acceptance. Whoever waits for it learns it before being cancelled: a commit that is under
    way cannot be called back, and what it leases has to be handed over."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002
        return False


class Acceptances:
    """Tenants take turns and a commit is kept short: one that floods delays the others by a commit, not by its
    backlog."""

    def __init__(self, writer: Writer, incarnation: str) -> None:
        self._writer = writer
        self._incarnation = incarnation
        self._waiting: dict[str, deque[tuple[Acceptance, Outcome]]] = {}  # by tenant, in the order of their turns
        self._count = 0
        self._committing: asyncio.Task[None] | None = None

    async def store(self, acceptance: Acceptance) -> Receipt:
        """Durable on return. Raises IdTaken, StaleBook, StoreUnavailable."""
        if self._count >= WAITING:
            raise StoreUnavailable("too many writes are waiting for the disk")
        loop = asyncio.get_running_loop()
        outcome = Outcome(loop=loop)
        self._waiting.setdefault(acceptance.tenant, deque()).append((acceptance, outcome))
        self._count += 1
        if self._committing is None:
            self._committing = loop.create_task(self._commit_all())
        try:
            return await outcome
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not outcome.done() or task is None:
                raise
            task.cancel()  # again, at its next wait
            return outcome.result()

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group = self._group()
                self._count -= len(group)
                await self._commit(group)
        finally:
            self._committing = None

    def _group(self) -> list[tuple[Acceptance, Outcome]]:
        """What the tenants that wait give in their turns, until what is next does not fit."""
        group: list[tuple[Acceptance, Outcome]] = []
        events = 0
        while self._waiting:
            tenant, waiting = next(iter(self._waiting.items()))
            end = events + TURN
            while waiting and events < end:
                size = len(waiting[0][0].events)
                if group and events + size > EVENTS:
                    return group
                group.append(waiting.popleft())
                events += size
            del self._waiting[tenant]
            if waiting:
                self._waiting[tenant] = waiting  # at the end of the line
        return group

    async def _commit(self, group: Sequence[tuple[Acceptance, Outcome]]) -> None:
        """One commit for all; should it fail for a reason of one of them, one for each."""
        acceptances = [acceptance for acceptance, _ in group]
        try:
            outcomes = await self._writer.submit(lambda connection: self._store(connection, acceptances))
        except Exception as error:
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                for one in group:
                    await self._commit([one])
                return
            outcomes = [error] * len(group)
        for (_, outcome), result in zip(group, outcomes, strict=True):
            if isinstance(result, Exception):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)

    def _store(
        self, connection: apsw.Connection, acceptances: Sequence[Acceptance]
    ) -> Sequence[Receipt | Exception]:
        tenants = {acceptance.tenant for acceptance in acceptances}
        versions = {tenant: connection.execute(SQL["tenant_version"], (tenant,)).get for tenant in tenants}
        fitting = [a for a in acceptances if versions[a.tenant] == a.book_version]
        stored = iter(store_all(connection, fitting, self._incarnation))
        return [next(stored) if versions[a.tenant] == a.book_version else StaleBook() for a in acceptances]
