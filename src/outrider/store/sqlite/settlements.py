"""Writing the outcomes of attempts: a statement for each table, not for each outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.clock import Anchor
from outrider.domain.model import Delivery, Webhook
from outrider.ports.queue import Settled, Settlement
from outrider.store.queries import load
from outrider.store.sqlite.rows import SQL, as_json, encode_attempt, read_delivery, store

BOOK = load("outrider.store.sqlite", "book.sql")


def settle(connection: apsw.Connection, settlements: Sequence[Settlement], incarnation: str, at: Anchor) -> Settled:
    """The queue row of a delivery goes or is due again, the ledger gets its line; nothing is written of one whose
    lease is not `incarnation`'s any more. `at` is now."""
    leased = _leased(connection, [s.delivery.id for s in settlements], incarnation)
    ours = [s for s in settlements if s.delivery.id in leased]
    lost = frozenset(s.delivery.id for s in settlements if s.delivery.id not in leased)
    ended = [s.delivery for s in ours if s.step.due is None]
    connection.execute(SQL["end_deliveries"], (as_json([delivery.id for delivery in ended]),))
    connection.executemany(SQL["postpone_delivery"], [_postponed(s) for s in ours if s.step.due is not None])
    quarantined = [s.delivery for s in ours if s.step.quarantined]
    connection.executemany(SQL["leave_order"], [(delivery.id,) for delivery in quarantined])
    names = webhook_names(connection, {s.delivery.webhook for s in ours})
    connection.executemany(SQL["insert_line"], [_line(s, names.get(s.delivery.webhook, "")) for s in ours])
    for settlement in ours:
        _write_beside(connection, settlement, incarnation, at)
    return Settled(lost, _promote(connection, ended + quarantined, incarnation))


def webhook_names(connection: apsw.Connection, webhooks: set[str]) -> dict[str, str]:
    """By id; the ledger keeps them, because they outlive the webhook there."""
    found: Any = connection.execute(SQL["webhook_names"], (as_json(sorted(webhooks)),))
    return dict(found)


def save_webhook(connection: apsw.Connection, webhook: Webhook) -> None:
    """Insert or replace, raise the tenant's version, and keep the webhook as it is from that version on."""
    document, sealed = msgspec.msgpack.encode(webhook), int(webhook.sealed is not None)
    row = (
        webhook.id,
        webhook.tenant,
        webhook.name,
        webhook.secret,
        int(webhook.disabled_reason is None),
        document,
        sealed,
    )
    connection.execute(BOOK["save_webhook"], row)
    connection.execute(BOOK["raise_version"], (webhook.tenant,))
    connection.execute(BOOK["keep_webhook"], (webhook.tenant, webhook.id, document, sealed))


def _leased(connection: apsw.Connection, deliveries: list[str], incarnation: str) -> set[str]:
    found = connection.execute(SQL["leased"], (as_json(deliveries), incarnation)).get
    return set(msgspec.json.decode(found, type=list[str]))


def _status(settlement: Settlement) -> int | None:
    return settlement.attempt.status if settlement.attempt else None


def _postponed(settlement: Settlement) -> tuple[Any, ...]:
    step = settlement.step
    return (step.attempts, step.due, _status(settlement), settlement.reason, settlement.delivery.id)


def _line(settlement: Settlement, webhook_name: str) -> tuple[Any, ...]:
    delivery = settlement.delivery
    return (
        delivery.tenant,
        settlement.at,
        settlement.step.line,
        delivery.event,
        settlement.reason,
        delivery.id,
        delivery.webhook,
        webhook_name,
        delivery.event_type,
        delivery.subject,
        delivery.created,
        delivery.origin,
        settlement.step.attempts,
        _status(settlement),
        encode_attempt(settlement.attempt) if settlement.attempt else None,
    )


def _write_beside(connection: apsw.Connection, settlement: Settlement, incarnation: str, at: Anchor) -> None:
    """What few settlements have: the webhook disabled, its health, our own events about it."""
    delivery = settlement.delivery
    if settlement.disable is not None:
        _disable(connection, delivery, settlement.disable)
    if settlement.health is not None:
        health = msgspec.msgpack.encode(settlement.health)
        connection.execute(SQL["save_health"], (delivery.webhook, delivery.tenant, health))
    if settlement.news is not None:
        store(connection, settlement.news, incarnation, at)


def _disable(connection: apsw.Connection, delivery: Delivery, reason: str) -> None:
    document = connection.execute(SQL["webhook_document"], (delivery.webhook,)).get
    if document is None:
        return
    webhook = msgspec.msgpack.decode(document, type=Webhook)
    if webhook.disabled_reason is None:
        save_webhook(connection, msgspec.structs.replace(webhook, disabled_reason=reason))


def _promote(connection: apsw.Connection, gone: list[Delivery], incarnation: str) -> tuple[Delivery, ...]:
    """Lease what waited behind deliveries that ended or were quarantined."""
    promoted: list[Delivery] = []
    for delivery in gone:
        if delivery.order_key is not None:
            bindings = (incarnation, delivery.webhook, delivery.order_key)
            promoted += [read_delivery(row) for row in connection.execute(SQL["promote"], bindings)]
    return tuple(promoted)
