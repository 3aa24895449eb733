"""Committing acceptances in groups: sorted out against what is stored, then one statement for all of them.

Sorting out and inserting are two statements without a transaction around them: a configuration that changes in
between changes concurrently with the requests, and an id that somebody else stores in between breaks the insert.
Whatever breaks a group, every acceptance of it is then tried on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import asyncpg
import msgspec

from outrider.domain.clock import Anchor
from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Acceptance
from outrider.ports.book import StaleBook
from outrider.ports.clock import Clock, moment
from outrider.ports.queue import Receipt
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.objects import change_objects
from outrider.store.postgres.rows import SQL, columns, find_held, lock_order
from outrider.store.postgres.spans import place
from outrider.store.sorting import Fresh, Known, sort_out

Outcome = Receipt | Exception
DELIVERIES = 1_000  # in one statement; a commit with more of them is a transaction of several
TRIES = 5  # of an acceptance whose ids somebody else stores at the same time


class Intake:
    """`commit` is the group commit of `Queue.accept`; leases name this process' `incarnation`."""

    def __init__(self, connections: Connections, doubts: Doubts, incarnation: str, clock: Clock) -> None:
        self._clock = clock
        self._connections = connections
        self._doubts = doubts
        self._incarnation = incarnation

    async def commit(self, acceptances: Sequence[Acceptance]) -> list[Outcome]:
        """Results in the order given. Raises, when none of them is stored, StoreUnavailable or for what one of them
        did."""
        together = iter(await self._together([a for a in acceptances if not a.objects]))
        away: Exception | None = None  # met once, nobody else waits for it
        outcomes: list[Outcome] = []
        for acceptance in acceptances:
            if not acceptance.objects:
                outcomes.append(next(together))
                continue
            outcome = away or await self._alone(acceptance)
            away = outcome if isinstance(outcome, StoreUnavailable) else None
            outcomes.append(outcome)
        return outcomes

    async def _alone(self, acceptance: Acceptance) -> Outcome:
        """A change of objects has a transaction of its own: refused, it undoes nobody else."""
        try:
            return (await self._together([acceptance]))[0]
        except Exception as error:  # its own: others of the group may be stored
            return error

    async def _together(self, acceptances: Sequence[Acceptance]) -> list[Outcome]:
        if not acceptances:
            return []
        ordered = any(d.order_key is not None for a in acceptances for d in a.deliveries)
        many = sum(len(a.deliveries) for a in acceptances) > DELIVERIES
        atomic = ordered or many or any(a.objects for a in acceptances)
        run = self._connections.in_transaction if atomic else self._connections.run
        try:
            for _ in range(TRIES):
                try:
                    return await run(lambda connection: self._store(connection, acceptances))
                except asyncpg.UniqueViolationError:
                    if len(acceptances) > 1:
                        raise
            raise StoreUnavailable("an event's id is being stored by another process")
        except StoreUnavailable:
            self._doubts.add(d for a in acceptances for d in a.deliveries if d.id in a.leased)
            raise

    async def _store(self, connection: Any, acceptances: Sequence[Acceptance]) -> list[Outcome]:
        await lock_order(connection, [d for a in acceptances for d in a.deliveries])
        sorted_out, numbers = await self._look(connection, acceptances)
        good = [each for each in sorted_out if isinstance(each, Fresh)]
        held = await find_held(connection, [d for each in good for d in each.deliveries])
        if any(each.events for each in good):
            await _insert(connection, good, numbers, held, incarnation=self._incarnation, at=moment(self._clock))
        for each in good:
            if not each.repeats:
                await change_objects(connection, each.acceptance.objects)
        return [each.receipt(held) if isinstance(each, Fresh) else each for each in sorted_out]

    async def _look(
        self, connection: Any, acceptances: Sequence[Acceptance]
    ) -> tuple[list[Fresh | Exception], list[int]]:
        """The acceptances sorted out, and a number for the place of each of their events."""
        tenants = list({a.tenant for a in acceptances})
        keys = [(a.tenant, event.id) for a in acceptances for event in a.events]
        versions: dict[str, int] = {}
        known: Known = {}
        numbers: list[int] = []
        for kind, tenant, event, number, fingerprint in await connection.fetch(
            SQL["look"], tenants, *columns(keys, 2), len(keys)
        ):
            if kind == "t":
                versions[tenant] = number
            elif kind == "k":
                known[tenant, event] = fingerprint
            else:
                numbers.append(number)
        fresh: list[Fresh | Exception] = [
            sort_out(a, known) if versions.get(a.tenant) == a.book_version else StaleBook() for a in acceptances
        ]
        return fresh, sorted(numbers)


async def store_unleased(connection: Any, news: Acceptance, at: Anchor) -> None:
    """Our own events inside somebody else's transaction: new by their making, their deliveries unleased. `at` is
    now."""
    bare = msgspec.structs.replace(news, leased=frozenset())
    everything = Fresh(bare, bare.events, bare.deliveries, bare.skips, frozenset(), bare.events[0].accepted)
    await lock_order(connection, bare.deliveries)
    rows = await connection.fetch(SQL["look"], [], [], [], len(bare.events))
    held = await find_held(connection, bare.deliveries)
    await _insert(connection, [everything], [row[3] for row in rows], held, incarnation="", at=at)


async def _insert(
    connection: Any,
    good: Sequence[Fresh],
    numbers: Sequence[int],
    held: frozenset[str],
    *,
    incarnation: str,
    at: Anchor,
) -> None:
    """`numbers` are at least as many as new events; `at` is now. Deliveries go a part at a time, because their
    arrays are made on the event loop."""
    placed = {
        (e.tenant, e.id): place(e.accepted, number)
        for e, number in zip((e for each in good for e in each.events), numbers, strict=False)
    }
    events = [
        (e.tenant, e.id, placed[e.tenant, e.id], e.accepted, e.fingerprint, e.type, e.subject, e.operation, e.time,
         e.body, each.acceptance.book_version)
        for each in good for e in each.events
    ]  # fmt: skip
    accepted = {(e.tenant, e.id): e.accepted for each in good for e in each.events}
    deliveries = (
        (d.tenant, d.id, d.webhook, d.event, placed[d.tenant, d.event], accepted[d.tenant, d.event], d.event_type,
         d.subject, d.created, d.order_key,
         incarnation if d.id in each.acceptance.leased and d.id not in held else None, d.id in held)
        for each in good for d in each.deliveries
    )  # fmt: skip
    skips = [(each.acceptance.tenant, each.at, s.event, s.reason, s.detail) for each in good for s in each.skips]
    first = list(islice(deliveries, DELIVERIES))
    due = (at.steady, at.ahead)
    await connection.execute(SQL["accept"], *columns(events, 11), *columns(first, 12), *columns(skips, 5), *due)
    while part := list(islice(deliveries, DELIVERIES)):
        await connection.execute(SQL["accept"], *columns([], 11), *columns(part, 12), *columns([], 5), *due)
