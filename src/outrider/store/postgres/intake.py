"""Committing acceptances in groups: sorted out against what is stored, then one statement for all of them.

Sorting out and inserting are two statements without a transaction around them: a configuration that changes in
between changes concurrently with the requests, and an id that somebody else stores in between breaks the insert.
Whatever breaks a group, every acceptance of it is then tried on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Acceptance, Delivery, Event, Skip
from outrider.ports.book import StaleBook
from outrider.ports.queue import IdTaken, Receipt
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.objects import change_objects
from outrider.store.postgres.rows import SQL, columns, find_held, lock_order

Outcome = Receipt | Exception
TRIES = 5  # of an acceptance whose ids somebody else stores at the same time


class Sorted(msgspec.Struct, frozen=True):
    """What of an acceptance is new. `at` is when it was accepted."""

    acceptance: Acceptance
    events: tuple[Event, ...]
    deliveries: tuple[Delivery, ...]
    skips: tuple[Skip, ...]
    repeats: frozenset[str]
    at: int


def sort_out(
    acceptances: Sequence[Acceptance],
    versions: Mapping[str, int],
    known: dict[tuple[str, str], bytes],
) -> list[Sorted | Exception]:
    """Each acceptance's new part, or why it cannot be committed.

    `versions` are the tenants' now; `known` holds the digests of stored events by tenant and id, and gains those of
    the acceptances that can be committed, so that a repeat within the group is told as well.
    """
    return [_sort_one(acceptance, versions.get(acceptance.tenant), known) for acceptance in acceptances]


def _sort_one(
    acceptance: Acceptance, version: int | None, known: dict[tuple[str, str], bytes]
) -> Sorted | Exception:
    if version != acceptance.book_version:
        return StaleBook()
    tenant = acceptance.tenant
    fresh: dict[tuple[str, str], Event] = {}
    repeats: set[str] = set()
    for event in acceptance.events:
        key = (tenant, event.id)
        digest = fresh[key].fingerprint if key in fresh else known.get(key)
        if digest is None:
            fresh[key] = event
        elif digest != event.fingerprint:
            return IdTaken(event.id)
        elif key not in fresh:
            repeats.add(event.id)
    known.update({key: event.fingerprint for key, event in fresh.items()})
    return Sorted(
        acceptance,
        tuple(fresh.values()),
        tuple(d for d in acceptance.deliveries if d.event not in repeats),
        tuple(s for s in acceptance.skips if s.event not in repeats),
        frozenset(repeats),
        acceptance.events[0].accepted if acceptance.events else 0,
    )


class Intake:
    """`commit` is the group commit of `Queue.accept`; leases name this process' `incarnation`."""

    def __init__(self, connections: Connections, doubts: Doubts, incarnation: str) -> None:
        self._connections = connections
        self._doubts = doubts
        self._incarnation = incarnation

    async def commit(self, acceptances: Sequence[Acceptance]) -> list[Outcome]:
        """Results in the order given. Raises StoreUnavailable for all of them."""
        alone = [a for a in acceptances if a.objects]
        together = [a for a in acceptances if not a.objects]
        outcomes: dict[int, Outcome] = {}
        try:
            for acceptance, outcome in zip(together, await self._together(together), strict=True):
                outcomes[id(acceptance)] = outcome
        except StoreUnavailable:
            raise
        except Exception:  # of one of them, and nobody knows which
            alone = list(acceptances)
        for acceptance in alone:
            outcomes[id(acceptance)] = await self._alone(acceptance)
        return [outcomes[id(acceptance)] for acceptance in acceptances]

    async def _alone(self, acceptance: Acceptance) -> Outcome:
        for _ in range(TRIES):
            try:
                return (await self._together([acceptance]))[0]
            except asyncpg.UniqueViolationError:
                continue
            except Exception as error:  # its own: the others of the group must not share it
                return error
        return StoreUnavailable("the event's id is being stored by another process")

    async def _together(self, acceptances: Sequence[Acceptance]) -> list[Outcome]:
        if not acceptances:
            return []
        ordered = any(d.order_key is not None for a in acceptances for d in a.deliveries)
        atomic = ordered or any(a.objects for a in acceptances)
        run = self._connections.in_transaction if atomic else self._connections.run
        try:
            return await run(lambda connection: self._store(connection, acceptances))
        except StoreUnavailable:
            self._doubts.add(d for a in acceptances for d in a.deliveries if d.id in a.leased)
            raise

    async def _store(self, connection: Any, acceptances: Sequence[Acceptance]) -> list[Outcome]:
        await lock_order(connection, [d for a in acceptances for d in a.deliveries])
        sorted_out, places = await self._look(connection, acceptances)
        good = [each for each in sorted_out if isinstance(each, Sorted)]
        held = await find_held(connection, [d for each in good for d in each.deliveries])
        if any(each.events for each in good):
            await connection.execute(SQL["accept"], *_accept_columns(good, places, held, self._incarnation))
        for each in good:
            if not each.repeats:
                await change_objects(connection, each.acceptance.objects)
        return [
            each
            if isinstance(each, Exception)
            else Receipt(each.repeats, frozenset(d.id for d in each.deliveries if d.id in held))
            for each in sorted_out
        ]

    async def _look(
        self, connection: Any, acceptances: Sequence[Acceptance]
    ) -> tuple[list[Sorted | Exception], list[int]]:
        """The acceptances sorted out, and a place for each of their events."""
        tenants = list({a.tenant for a in acceptances})
        keys = [(a.tenant, event.id) for a in acceptances for event in a.events]
        versions: dict[str, int] = {}
        known: dict[tuple[str, str], bytes] = {}
        places: list[int] = []
        for kind, tenant, event, number, fingerprint in await connection.fetch(
            SQL["look"], tenants, *columns(keys, 2), len(keys)
        ):
            if kind == "t":
                versions[tenant] = number
            elif kind == "k":
                known[tenant, event] = fingerprint
            else:
                places.append(number)
        return sort_out(acceptances, versions, known), sorted(places)


async def store_unleased(connection: Any, news: Acceptance) -> None:
    """Our own events inside somebody else's transaction: new by their making, their deliveries unleased."""
    bare = msgspec.structs.replace(news, leased=frozenset())
    everything = Sorted(bare, bare.events, bare.deliveries, bare.skips, frozenset(), bare.events[0].accepted)
    await lock_order(connection, bare.deliveries)
    rows = await connection.fetch(SQL["look"], [], [], [], len(bare.events))
    held = await find_held(connection, bare.deliveries)
    await connection.execute(SQL["accept"], *_accept_columns([everything], [row[3] for row in rows], held, ""))


def _accept_columns(
    good: Sequence[Sorted], places: Sequence[int], held: frozenset[str], incarnation: str
) -> list[list[Any]]:
    """The arrays of `accept`; `places` are at least as many as new events."""
    placed = dict(zip(((e.tenant, e.id) for each in good for e in each.events), places, strict=False))
    events = [
        (e.tenant, e.id, placed[e.tenant, e.id], e.accepted, e.fingerprint, e.type, e.subject, e.operation, e.time,
         e.body, each.acceptance.book_version)
        for each in good for e in each.events
    ]  # fmt: skip
    accepted = {(e.tenant, e.id): e.accepted for each in good for e in each.events}
    deliveries = [
        (d.tenant, d.id, d.webhook, d.event, placed[d.tenant, d.event], accepted[d.tenant, d.event], d.event_type,
         d.subject, d.created, d.order_key,
         incarnation if d.id in each.acceptance.leased and d.id not in held else None, d.id in held)
        for each in good for d in each.deliveries
    ]  # fmt: skip
    skips = [(each.acceptance.tenant, each.at, s.event, s.reason, s.detail) for each in good for s in each.skips]
    return [*columns(events, 11), *columns(deliveries, 12), *columns(skips, 5)]
