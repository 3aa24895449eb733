"""Writing acceptances: shared by everything that stores events, inside its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.model import Acceptance, Delivery, Event
from outrider.ports.queue import AttemptRecord, IdTaken, Receipt
from outrider.store.queries import load

SQL = load("outrider.store.sqlite", "queue.sql")
encode_attempt = msgspec.msgpack.Encoder().encode
decode_attempt = msgspec.msgpack.Decoder(AttemptRecord).decode
Known = dict[tuple[str, str], bytes]  # fingerprints by tenant and event id


def store(connection: apsw.Connection, acceptance: Acceptance, incarnation: str) -> Receipt:
    """Insert events, deliveries and skips. Raises IdTaken."""
    (outcome,) = store_all(connection, [acceptance], incarnation)
    if isinstance(outcome, IdTaken):
        raise outcome
    return outcome


def store_all(
    connection: apsw.Connection, acceptances: Sequence[Acceptance], incarnation: str
) -> list[Receipt | IdTaken]:
    """The same for many, in order: a statement for each table, not for each acceptance. Nothing is stored of one
    that is refused."""
    known = _known(connection, acceptances)
    outcomes: list[Receipt | IdTaken] = []
    events: list[tuple[Any, ...]] = []
    deliveries: list[Delivery] = []
    skips: list[tuple[Any, ...]] = []
    for acceptance in acceptances:
        try:
            fresh, repeats = _sort_out(acceptance, known)
        except IdTaken as taken:
            outcomes.append(taken)
            continue
        outcomes.append(Receipt(repeats))
        version, at = acceptance.book_version, acceptance.events[0].accepted if acceptance.events else 0
        events += [_event_row(event, version) for event in fresh]
        deliveries += [d for d in acceptance.deliveries if d.event not in repeats]
        skips += [
            (acceptance.tenant, at, s.event, s.reason, s.detail) for s in acceptance.skips if s.event not in repeats
        ]
    connection.executemany(SQL["insert_event"], events)
    leased = frozenset[str]().union(*(acceptance.leased for acceptance in acceptances))
    held = store_deliveries(connection, deliveries, leased, incarnation)
    connection.executemany(SQL["insert_skip"], skips)
    return [_with_held(*pair, held) for pair in zip(outcomes, acceptances, strict=True)] if held else outcomes


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


def _sort_out(acceptance: Acceptance, known: Known) -> tuple[list[Event], frozenset[str]]:
    """The events that are new, which are `known` from now on, and the ids of repeats. Raises IdTaken."""
    fresh: dict[str, Event] = {}
    repeats: set[str] = set()
    for event in acceptance.events:
        twin = fresh.get(event.id)
        before = twin.fingerprint if twin is not None else known.get((acceptance.tenant, event.id))
        if before is None:
            fresh[event.id] = event
        elif before != event.fingerprint:
            raise IdTaken(event.id)
        elif twin is None:
            repeats.add(event.id)
    for event in fresh.values():
        known[acceptance.tenant, event.id] = event.fingerprint
    return list(fresh.values()), frozenset(repeats)


def _event_row(event: Event, book_version: int) -> tuple[Any, ...]:
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
        book_version,
    )


def _with_held(outcome: Receipt | IdTaken, acceptance: Acceptance, held: frozenset[str]) -> Receipt | IdTaken:
    if isinstance(outcome, IdTaken):
        return outcome
    return Receipt(outcome.repeats, frozenset(d.id for d in acceptance.deliveries if d.id in held))


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


def as_json(texts: Sequence[str]) -> str:
    """A list as a statement takes it, with `json_each`."""
    return msgspec.json.encode(texts).decode()
