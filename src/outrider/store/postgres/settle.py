"""Settling: one statement for a batch of outcomes; a transaction when more than queue and ledger is concerned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.domain.clock import Anchor
from outrider.domain.errors import StoreUnavailable
from outrider.domain.model import Delivery, Webhook
from outrider.ports.queue import Settled, Settlement
from outrider.store.postgres.config import save_webhook
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.doubts import Doubts
from outrider.store.postgres.intake import store_unleased
from outrider.store.postgres.rows import SQL, columns, encode_attempt, lock_order, read_deliveries


async def settle(
    connections: Connections, incarnation: str, settlements: Sequence[Settlement], doubts: Doubts, at: Anchor
) -> Settled:
    """As `Queue.settle`; `at` is now. What a broken commit may have promoted is in `doubts`."""
    ordered = [
        s.delivery for s in settlements if s.delivery.order_key is not None and (s.step.ended or s.step.quarantined)
    ]
    further = [s for s in settlements if s.disable is not None or s.health is not None or s.news is not None]
    if not ordered and not further:
        done = await connections.run(lambda c: _write(c, incarnation, settlements))
        return Settled(_lost(settlements, done))
    promoted: list[Delivery] = []

    async def work(connection: Any) -> frozenset[str]:
        await lock_order(connection, ordered)
        done = await _write(connection, incarnation, settlements)
        promoted.extend(await _promote(connection, incarnation, [d for d in ordered if d.id in done]))
        await _further(connection, incarnation, [s for s in further if s.delivery.id in done], at)
        return _lost(settlements, done)

    try:
        lost = await connections.in_transaction(work)
    except StoreUnavailable:
        doubts.add(promoted)
        raise
    doubts.forget(promoted)
    return Settled(lost, tuple(promoted))


def _lost(settlements: Sequence[Settlement], done: set[str]) -> frozenset[str]:
    return frozenset(s.delivery.id for s in settlements if s.delivery.id not in done)


async def _write(connection: Any, incarnation: str, settlements: Sequence[Settlement]) -> set[str]:
    """Queue and ledger; returns the ids of deliveries whose lease still held."""
    rows = [
        (s.delivery.tenant, s.delivery.id, s.step.ended, s.step.attempts, s.step.due,
         s.attempt.status if s.attempt else None, s.reason, s.at, s.step.line,
         encode_attempt(s.attempt) if s.attempt else None)
        for s in settlements
    ]  # fmt: skip
    return {row[0] for row in await connection.fetch(SQL["settle"], incarnation, *columns(rows, 10))}


async def _promote(connection: Any, incarnation: str, ended: Sequence[Delivery]) -> list[Delivery]:
    """Lease what waited behind deliveries that ended or were quarantined."""
    if not ended:
        return []
    keys = [(d.tenant, d.webhook, d.order_key) for d in ended]
    rows = await connection.fetch(SQL["promote"], incarnation, *columns(keys, 3))
    return await read_deliveries(connection, rows)


async def _further(connection: Any, incarnation: str, settlements: Sequence[Settlement], at: Anchor) -> None:
    """Webhooks disabled, healths, and our own events about it all."""
    # In one order everywhere, so that two processes never wait for each other.
    for s in sorted(settlements, key=lambda s: (s.delivery.tenant, s.delivery.webhook)):
        if s.disable is not None:
            await _disable(connection, s.delivery, s.disable)
    healths = {
        (s.delivery.tenant, s.delivery.webhook): msgspec.msgpack.encode(s.health)
        for s in settlements
        if s.health is not None
    }
    if healths:
        rows = [(*key, document) for key, document in sorted(healths.items())]
        await connection.execute(SQL["save_health"], incarnation, *columns(rows, 3))
    for s in settlements:
        if s.news is not None:
            await store_unleased(connection, s.news, at)


async def _disable(connection: Any, delivery: Delivery, reason: str) -> None:
    document = await connection.fetchval(SQL["webhook_document"], delivery.tenant, delivery.webhook)
    if document is None:
        return
    webhook = msgspec.msgpack.decode(document, type=Webhook)
    if webhook.disabled_reason is None:
        await save_webhook(connection, msgspec.structs.replace(webhook, disabled_reason=reason))
