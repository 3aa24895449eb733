"""The queue: deliveries still owed. Used by `app/accept.py` and by `dispatch/`.

A lease is the incarnation of one running process. A process renews all its leases with one heartbeat, and
every change to a leased row is fenced by the incarnation: whoever lost the lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from outrider.domain.breaker import Health
from outrider.domain.delivery import Step
from outrider.domain.model import Acceptance, Delivery
from outrider.ports.sender import Timing


class IdTaken(Exception):
    """An event id is stored with other content; nothing was stored. `args[0]` is the id."""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What was committed.

    `repeats`: ids of the acceptance's events that were stored before, with the same content. `held`: ids of its
    deliveries that wait behind an earlier one with their order key, so they are not leased.
    """

    repeats: frozenset[str]
    held: frozenset[str] = frozenset()


class Settled(msgspec.Struct, frozen=True):
    """What settling did. `lost`: ids of deliveries whose lease had been lost, unchanged. `promoted`: deliveries
    that waited behind an ended one; they are leased to this process now."""

    lost: frozenset[str]
    promoted: tuple[Delivery, ...] = ()


class AttemptRecord(msgspec.Struct, frozen=True, gc=False):
    """One request as the ledger keeps it. `request_headers` are masked already."""

    number: int
    started: int
    url: str
    request_headers: tuple[tuple[str, str], ...]
    status: int | None
    error: str | None
    detail: str | None
    answer: bytes
    answer_cut: bool
    timing: Timing


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one attempt, to be written if the lease still holds.

    `reason` says why in a word or two (`410`, `timeout`, `webhook deleted`). `disable` disables the
    webhook with that reason in the same commit. `news` are our own events about it, stored with it. `health` is
    the receiver's, when the attempt changed it in a way worth keeping.
    """

    delivery: Delivery
    step: Step
    at: int
    reason: str | None = None
    attempt: AttemptRecord | None = None
    disable: str | None = None
    news: Acceptance | None = None
    health: Health | None = None


class Backlog(msgspec.Struct, frozen=True):
    """A webhook with unleased deliveries that wait for nobody, and the steady time the earliest of them is due
    at."""

    tenant: str
    webhook: str
    due: int


class Pulse(msgspec.Struct, frozen=True):
    """What a heartbeat found. `released`: deliveries of silent processes, free again. `lost`: this process was
    itself given up since its last beat, so it holds nothing any more. `peers`: the live processes that dispatch,
    with `me` among them if this one does. `unfinished`: silent processes hold more; beat again at once."""

    released: int
    lost: bool
    me: str
    peers: tuple[str, ...]
    unfinished: bool = False


class Queue(Protocol):
    async def accept(self, acceptance: Acceptance) -> Receipt:
        """Commit events, deliveries, skips and changes of custom objects together; durable on return. A caller
        cancelled meanwhile gets the receipt first and is cancelled at its next wait, so that what was committed is
        handed over.

        A delivery with an order key is held while an earlier one with that key is owed to its webhook.

        An event id that is stored already with the same fingerprint is a repeat: neither it nor its
        deliveries nor its skips are stored again, and no object is changed. Raises IdTaken, ports.book.StaleBook
        (the tenant's version differs), ports.objects.ObjectMoved and ObjectFull, StoreUnavailable.
        """
        ...

    async def backlogs(self) -> list[Backlog]:
        """Every enabled webhook that has unleased deliveries, whenever due."""
        ...

    async def claim(self, tenant: str, webhook: str, limit: int, now: int) -> list[Delivery]:
        """Lease up to `limit` deliveries of `webhook` that are due `now`, of steady time, to this process, earliest
        due first. A delivery whose event is not there any more has no body."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> Settled:
        """Write outcomes in one commit, and lease what waited behind those that ended or were quarantined; a
        quarantined delivery leaves the order."""
        ...

    async def release(self, deliveries: Sequence[Delivery] | None = None) -> int:
        """Give back leases of this process (all when None), due as before; returns how many."""
        ...

    async def heartbeat(self, dead_after: int) -> Pulse:
        """Renew this process' leases; release those of processes silent for `dead_after` ms of the store's
        clock, as many as can be without being late oneself. The first one sets the process' steady time to the
        store's. Raises StoreTooNew."""
        ...

    async def cancel(self, tenant: str, webhook: str, limit: int, now: int) -> int:
        """End up to `limit` unleased deliveries of a deleted webhook as cancelled; returns how many."""
        ...

    async def deleted_webhooks(self) -> list[tuple[str, str]]:
        """Deleted webhooks that still have deliveries in the queue, each as (tenant, webhook)."""
        ...

    async def healths(self) -> dict[str, Health]:
        """What was kept of every webhook's receiver, by webhook id."""
        ...

    async def newest(self) -> str | None:
        """The greatest delivery id in the queue; ids made from now on must be greater, so that order holds."""
        ...

    async def size(self, tenant: str) -> int:
        """How many deliveries the tenant is owed."""
        ...

    async def quarantined(self, tenant: str) -> int:
        """How many of them are quarantined."""
        ...
