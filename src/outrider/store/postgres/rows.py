"""What the parts of this store share: columns for array parameters, order keys, deliveries as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from outrider.domain.clock import Anchor
from outrider.domain.model import Delivery
from outrider.ports.queue import AttemptRecord
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "queue.sql")
encode_attempt = msgspec.msgpack.Encoder().encode
decode_attempt = msgspec.msgpack.Decoder(AttemptRecord).decode


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows of `width` values as array parameters, one for each column."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


async def read_deliveries(connection: Any, rows: Sequence[Any]) -> list[Delivery]:
    """What `claim` and `promote` leased, in the order of `rows`, with the bodies of its events."""
    if not rows:
        return []
    tenants, places = [row["tenant"] for row in rows], [row["event_place"] for row in rows]
    found = await connection.fetch(SQL["bodies"], tenants, places, min(places), max(places))
    bodies = {(tenant, place): body for tenant, place, body in found}
    # Looked up, not joined: an event is kept as long as it is owed, and a lease nobody knows of would be worse than
    # a delivery without a body, which the attempt finds.
    values = [[*row[:6], bodies.get((row["tenant"], row["event_place"])), *row[7:11]] for row in rows]
    return [Delivery(*each) for each in values]


async def lock_order(connection: Any, deliveries: Sequence[Delivery]) -> None:
    """Until the transaction ends nobody else stores or ends deliveries with these order keys."""
    keys = _order_keys(deliveries)
    if keys:
        await connection.execute(SQL["lock_keys"], *columns(sorted(keys), 3))


async def find_held(connection: Any, deliveries: Sequence[Delivery]) -> frozenset[str]:
    """Which of these new deliveries have to wait behind an earlier one with their order key."""
    keys = _order_keys(deliveries)
    if not keys:
        return frozenset()
    behind = {tuple(row) for row in await connection.fetch(SQL["behind"], *columns(sorted(keys), 3))}
    held: set[str] = set()
    for delivery in deliveries:
        if delivery.order_key is not None:
            key = (delivery.tenant, delivery.webhook, delivery.order_key)
            if key in behind:
                held.add(delivery.id)
            behind.add(key)
    return frozenset(held)


async def owe(connection: Any, deliveries: Sequence[Delivery], at: Anchor) -> None:
    """Store unleased deliveries of events that are stored already; none of those that are not any more. `at` is
    now."""
    if not deliveries:
        return
    await connection.execute(SQL["owing"])
    span = await connection.fetchrow(SQL["places"], *columns([(d.tenant, d.event) for d in deliveries], 2))
    await lock_order(connection, deliveries)
    held = await find_held(connection, deliveries)
    rows = [
        (d.tenant, d.id, d.webhook, d.event, d.created, d.order_key, d.origin, d.id in held) for d in deliveries
    ]
    await connection.execute(SQL["owe"], *columns(rows, 8), *span, at.steady, at.ahead)


def _order_keys(deliveries: Iterable[Delivery]) -> set[tuple[str, str, str]]:
    return {(d.tenant, d.webhook, d.order_key) for d in deliveries if d.order_key is not None}
