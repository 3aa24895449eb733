"""Writing an acceptance and a ledger line: shared by the queue and the book, inside their transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.model import Acceptance, Delivery
from outrider.ports.queue import AttemptRecord, IdTaken, Receipt
from outrider.store.queries import load
from outrider.store.sqlite.changes import apply_changes

SQL = load("outrider.store.sqlite", "queue.sql")
encode_attempt = msgspec.msgpack.Encoder().encode
decode_attempt = msgspec.msgpack.Decoder(AttemptRecord).decode


def store(connection: apsw.Connection, acceptance: Acceptance, incarnation: str) -> Receipt:
    """Insert events, deliveries and skips; change objects. Raises IdTaken, ObjectMoved, ObjectFull."""
    tenant = acceptance.tenant
    repeats: set[str] = set()
    fresh: dict[str, bytes] = {}
    rows = []
    for event in acceptance.events:
        known = fresh.get(event.id)
        if known is None:
            known = connection.execute(SQL["event_fingerprint"], (tenant, event.id)).get
        if known is not None:
            if known != event.fingerprint:
                raise IdTaken(event.id)
            if event.id not in fresh:
                repeats.add(event.id)
            continue
        fresh[event.id] = event.fingerprint
        rows.append(
            (
                tenant,
                event.id,
                event.type,
                event.subject,
                event.operation,
                event.time,
                event.accepted,
                event.body,
                event.fingerprint,
                acceptance.book_version,
            )
        )
    connection.executemany(SQL["insert_event"], rows)
    fresh_deliveries = [d for d in acceptance.deliveries if d.event not in repeats]
    held = store_deliveries(connection, fresh_deliveries, acceptance.leased, incarnation)
    at = acceptance.events[0].accepted if acceptance.events else 0
    connection.executemany(
        SQL["insert_skip"],
        [(tenant, at, s.event, s.reason, s.detail) for s in acceptance.skips if s.event not in repeats],
    )
    if not repeats:
        apply_changes(connection, acceptance.objects)
    return Receipt(frozenset(repeats), held)


def store_deliveries(
    connection: apsw.Connection, deliveries: Sequence[Delivery], leased: frozenset[str], incarnation: str
) -> frozenset[str]:
    """Insert deliveries, those of `leased` with their lease; returns the ids of those that are held."""
    held: set[str] = set()
    rows = []
    behind: set[tuple[str, str]] = set()
    for d in deliveries:
        if d.order_key is not None:
            key = (d.webhook, d.order_key)
            if key in behind or connection.execute(SQL["is_behind"], key).get is not None:
                held.add(d.id)
            behind.add(key)
        lease = incarnation if d.id in leased and d.id not in held else None
        rows.append(
            (
                d.id,
                d.tenant,
                d.webhook,
                d.event,
                d.event_type,
                d.subject,
                d.attempts,
                d.created,
                d.created,
                d.order_key,
                d.origin,
                lease,
                int(d.id in held),
            )
        )
    connection.executemany(SQL["insert_delivery"], rows)
    return frozenset(held)


def read_delivery(row: Sequence[Any]) -> Delivery:
    """From the columns that `claim` and `promote` return."""
    return Delivery(*row[:11])
