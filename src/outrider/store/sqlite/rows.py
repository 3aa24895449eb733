"""Writing an acceptance and a ledger line: shared by the queue and the book, inside their transactions."""

from __future__ import annotations

import apsw
import msgspec

from outrider.domain.model import Acceptance
from outrider.ports.queue import AttemptRecord, IdTaken
from outrider.store.queries import load

SQL = load("outrider.store.sqlite", "queue.sql")
encode_attempt = msgspec.msgpack.Encoder().encode
decode_attempt = msgspec.msgpack.Decoder(AttemptRecord).decode


def store(connection: apsw.Connection, acceptance: Acceptance, incarnation: str) -> frozenset[str]:
    """Insert events, deliveries and skips; returns the ids of repeats. Raises IdTaken."""
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
            )
        )
    connection.executemany(SQL["insert_event"], rows)
    _store_deliveries(connection, acceptance, repeats, incarnation)
    at = acceptance.events[0].accepted if acceptance.events else 0
    connection.executemany(
        SQL["insert_skip"],
        [(tenant, at, s.event, s.reason, s.detail) for s in acceptance.skips if s.event not in repeats],
    )
    return frozenset(repeats)


def _store_deliveries(
    connection: apsw.Connection, acceptance: Acceptance, repeats: set[str], incarnation: str
) -> None:
    connection.executemany(
        SQL["insert_delivery"],
        [
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
                incarnation if d.id in acceptance.leased else None,
            )
            for d in acceptance.deliveries
            if d.event not in repeats
        ],
    )
