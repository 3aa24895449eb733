"""What the parts of this store share: columns for array parameters, order keys, deliveries as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

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


def read_delivery(row: Sequence[Any]) -> Delivery:
    """From the columns that `claim` and `promote` return."""
    return Delivery(*tuple(row)[:11])


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


async def owe(connection: Any, deliveries: Sequence[Delivery]) -> None:
    """Store unleased deliveries of events that are stored already; none of those that are not any more."""
    await connection.execute(SQL["owing"])
    await lock_order(connection, deliveries)
    held = await find_held(connection, deliveries)
    rows = [
        (d.tenant, d.id, d.webhook, d.event, d.created, d.order_key, d.origin, d.id in held) for d in deliveries
    ]
    await connection.execute(SQL["owe"], *columns(rows, 8))


def _order_keys(deliveries: Iterable[Delivery]) -> set[tuple[str, str, str]]:
    return {(d.tenant, d.webhook, d.order_key) for d in deliveries if d.order_key is not None}
