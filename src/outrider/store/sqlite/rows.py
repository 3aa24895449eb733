"""Writing acceptances: shared by everything that stores events, inside its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.clock import Anchor
from outrider.domain.model import Acceptance, Delivery, Event
from outrider.ports.objects import ObjectFull, ObjectMoved
from outrider.ports.queue import AttemptRecord, IdTaken, Receipt
from outrider.store.queries import load
from outrider.store.sorting import Fresh, Known, sort_out
from outrider.store.sqlite.changes import apply_changes

SQL = load("outrider.store.sqlite", "queue.sql")
encode_attempt = msgspec.msgpack.Encoder().encode
decode_attempt = msgspec.msgpack.Decoder(AttemptRecord).decode
Refused = IdTaken | ObjectMoved | ObjectFull


def store(connection: apsw.Connection, acceptance: Acceptance, incarnation: str, at: Anchor) -> Receipt:
    """Insert events, deliveries and skips; change objects. `at` is now, from when on the deliveries are due. Raises
    IdTaken, ObjectMoved, ObjectFull."""
    (outcome,) = store_all(connection, [acceptance], incarnation, at)
    if isinstance(outcome, Receipt):
        return outcome
    raise outcome


def store_all(
    connection: apsw.Connection, acceptances: Sequence[Acceptance], incarnation: str, at: Anchor
) -> list[Receipt | Refused]:
    """The same for many: a statement for each table, not for each acceptance. Nothing is stored of one that is
    refused; that is handed back, because raising it would undo its whole group."""
    known = _known(connection, acceptances)
    sorted_out: list[Fresh | Refused] = []
    for acceptance in acceptances:
        found = sort_out(acceptance, known)
        if isinstance(found, Fresh) and acceptance.objects and not found.repeats:
            sorted_out.append(_change(connection, found))
        else:
            sorted_out.append(found)
    fresh = [each for each in sorted_out if isinstance(each, Fresh)]
    connection.executemany(SQL["insert_event"], [_event_row(e, f.acceptance) for f in fresh for e in f.events])
    leased = frozenset[str]().union(*[f.acceptance.leased for f in fresh])
    held = store_deliveries(connection, [d for f in fresh for d in f.deliveries], leased, incarnation, at)
    skips = [(f.acceptance.tenant, f.at, s.event, s.reason, s.detail) for f in fresh for s in f.skips]
    connection.executemany(SQL["insert_skip"], skips)
    return [each.receipt(held) if isinstance(each, Fresh) else each for each in sorted_out]


def _change(connection: apsw.Connection, fresh: Fresh) -> Fresh | Refused:
    """Apply the changes of custom objects; a refused one is undone by itself."""
    try:
        with connection:  # a savepoint
            apply_changes(connection, fresh.acceptance.objects)
    except (ObjectMoved, ObjectFull) as refusal:
        return refusal
    return fresh


def _known(connection: apsw.Connection, acceptances: Sequence[Acceptance]) -> Known:
    """What is stored already of the events that are to be stored."""
    ids: dict[str, list[str]] = {}
    for acceptance in acceptances:
        ids.setdefault(acceptance.tenant, []).extend([event.id for event in acceptance.events])
    return {
        (tenant, event): fingerprint
        for tenant, wanted in ids.items()
        for event, fingerprint in connection.execute(SQL["fingerprints"], (tenant, as_json(wanted)))
    }


def _event_row(event: Event, acceptance: Acceptance) -> tuple[Any, ...]:
    return (
        event.tenant,
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


def store_deliveries(
    connection: apsw.Connection,
    deliveries: Sequence[Delivery],
    leased: frozenset[str],
    incarnation: str,
    at: Anchor,
) -> frozenset[str]:
    """Insert deliveries, due since they were made, those of `leased` with their lease; returns the ids of those
    that are held. `at` is now."""
    held: set[str] = set()
    rows = []
    behind: set[tuple[str, str]] = set()
    ahead, steady = at.ahead, at.steady
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
                min(d.created + ahead, steady),  # made before the wall clock was set back, it is due now
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


def as_json(texts: Sequence[str]) -> str:
    """A list as a statement takes it, with `json_each`."""
    return msgspec.json.encode(texts).decode()
