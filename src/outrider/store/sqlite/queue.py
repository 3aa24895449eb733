"""`ports.queue.Queue` on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import apsw
import msgspec

from outrider.domain.breaker import Health
from outrider.domain.delivery import Line
from outrider.domain.model import Acceptance, Delivery, Webhook
from outrider.ports.book import StaleBook
from outrider.ports.objects import ObjectFull, ObjectMoved
from outrider.ports.queue import Backlog, Pulse, Receipt, Settled, Settlement
from outrider.store.queries import load
from outrider.store.sqlite.rows import SQL, encode_attempt, read_delivery, store
from outrider.store.sqlite.writer import Writer

T = TypeVar("T")
BOOK = load("outrider.store.sqlite", "book.sql")


class Reads(Protocol):
    """Runs a job in one read transaction."""

    async def read(self, job: Callable[[apsw.Connection], T]) -> T: ...


class SqliteQueue:
    """The queue as the process `incarnation` sees it; `now` is the clock of heartbeats, in milliseconds."""

    def __init__(self, writer: Writer, readers: Reads, incarnation: str, now: Callable[[], int]) -> None:
        self._writer = writer
        self._readers = readers
        self._incarnation = incarnation
        self._now = now
        self._alone = False

    async def accept(self, acceptance: Acceptance) -> Receipt:
        def job(connection: apsw.Connection) -> Receipt | ObjectMoved | ObjectFull:
            version = connection.execute(SQL["tenant_version"], (acceptance.tenant,)).get
            if version != acceptance.book_version:
                raise StaleBook
            if acceptance.objects:
                return self._store_or_refuse(connection, acceptance)
            return store(connection, acceptance, self._incarnation)

        outcome = await self._writer.submit(job)
        if isinstance(outcome, Receipt):
            return outcome
        raise outcome

    def _store_or_refuse(
        self, connection: apsw.Connection, acceptance: Acceptance
    ) -> Receipt | ObjectMoved | ObjectFull:
        """A refusal is undone by itself and handed back as a value: raised here, it would undo its whole group, and
        a record that many want to change at once would cost everybody the shared commit."""
        try:
            with connection:  # a savepoint
                receipt = store(connection, acceptance, self._incarnation)
        except (ObjectMoved, ObjectFull) as refusal:
            return refusal
        return receipt

    async def backlogs(self) -> list[Backlog]:
        def job(connection: apsw.Connection) -> list[Backlog]:
            return [Backlog(*row) for row in connection.execute(SQL["backlogs"])]

        return await self._readers.read(job)

    async def claim(self, tenant: str, webhook: str, limit: int, now: int) -> list[Delivery]:
        def job(connection: apsw.Connection) -> list[Delivery]:
            bindings = (self._incarnation, tenant, webhook, now, limit)
            rows: list[Any] = connection.execute(SQL["claim"], bindings).fetchall()
            return [read_delivery(row) for row in sorted(rows, key=lambda row: (row[-1], row[0]))]

        return await self._writer.submit(job)

    async def settle(self, settlements: Sequence[Settlement]) -> Settled:
        def job(connection: apsw.Connection) -> Settled:
            lost = frozenset(s.delivery.id for s in settlements if not self._settle_one(connection, s))
            ended = [s.delivery for s in settlements if s.step.ended and s.delivery.id not in lost]
            return Settled(lost, self._promote(connection, ended))

        return await self._writer.submit(job)

    def _promote(self, connection: apsw.Connection, ended: list[Delivery]) -> tuple[Delivery, ...]:
        """Lease what waited behind deliveries that ended."""
        promoted: list[Delivery] = []
        for delivery in ended:
            if delivery.order_key is not None:
                bindings = (self._incarnation, delivery.webhook, delivery.order_key)
                promoted += [read_delivery(row) for row in connection.execute(SQL["promote"], bindings)]
        return tuple(promoted)

    def _settle_one(self, connection: apsw.Connection, settlement: Settlement) -> bool:
        """False when the lease was lost: then nothing is written."""
        delivery, step = settlement.delivery, settlement.step
        status = settlement.attempt.status if settlement.attempt else None
        if step.ended:
            connection.execute(SQL["end_delivery"], (delivery.id, self._incarnation))
        else:
            row = (step.attempts, step.due, status, settlement.reason, delivery.id, self._incarnation)
            connection.execute(SQL["postpone_delivery"], row)
        if connection.changes() == 0:
            return False
        connection.execute(
            SQL["insert_line"],
            (
                delivery.tenant,
                settlement.at,
                step.line,
                delivery.event,
                settlement.reason,
                delivery.id,
                delivery.webhook,
                delivery.event_type,
                delivery.subject,
                delivery.created,
                delivery.origin,
                step.attempts,
                status,
                encode_attempt(settlement.attempt) if settlement.attempt else None,
            ),
        )
        if settlement.disable is not None:
            self._disable(connection, delivery, settlement.disable)
        if settlement.health is not None:
            health = msgspec.msgpack.encode(settlement.health)
            connection.execute(SQL["save_health"], (delivery.webhook, delivery.tenant, health))
        if settlement.news is not None:
            store(connection, settlement.news, self._incarnation)
        return True

    @staticmethod
    def _disable(connection: apsw.Connection, delivery: Delivery, reason: str) -> None:
        document = connection.execute(SQL["webhook_document"], (delivery.webhook,)).get
        if document is None:
            return
        webhook = msgspec.msgpack.decode(document, type=Webhook)
        if webhook.disabled_reason is None:
            save_webhook(connection, msgspec.structs.replace(webhook, disabled_reason=reason))

    async def release(self, deliveries: Sequence[Delivery] | None = None) -> int:
        def job(connection: apsw.Connection) -> int:
            before = connection.total_changes()
            if deliveries is None:
                connection.execute(SQL["release_all"], (self._incarnation,))
            else:
                connection.executemany(SQL["release_one"], [(d.id, self._incarnation) for d in deliveries])
            return connection.total_changes() - before

        return await self._writer.submit(job)

    async def heartbeat(self, dead_after: int) -> Pulse:
        """The first beat of a process knows that all others are dead: the file's lock is ours."""
        now = self._now()

        def job(connection: apsw.Connection) -> int:
            connection.execute(SQL["beat"], (self._incarnation, now))
            connection.execute(SQL["bury"], (now - dead_after,))
            if self._alone and connection.changes() == 0:
                return 0  # nobody died, so no lease is orphaned: finding one would read the whole queue
            if not self._alone:
                connection.execute(SQL["forget_others"], (self._incarnation,))
            connection.execute(SQL["release_orphans"])
            return connection.changes()

        released = await self._writer.submit(job)
        self._alone = True
        return Pulse(released, lost=False, me=self._incarnation, peers=(self._incarnation,))

    async def cancel(self, tenant: str, webhook: str, limit: int, now: int) -> int:
        def job(connection: apsw.Connection) -> int:
            rows: list[Any] = connection.execute(SQL["cancel"], (tenant, webhook, limit)).fetchall()
            if len(rows) < limit:
                bindings = (tenant, webhook, limit - len(rows))
                rows += connection.execute(SQL["cancel_held"], bindings).fetchall()
            lines = [
                (tenant, now, Line.CANCELLED, event, "webhook deleted", delivery, webhook, *described, None, None)
                for delivery, _, _, event, *described in rows
            ]
            connection.executemany(SQL["insert_line"], lines)
            return len(rows)

        return await self._writer.submit(job)

    async def deleted_webhooks(self) -> list[tuple[str, str]]:
        def job(connection: apsw.Connection) -> list[tuple[str, str]]:
            return [(tenant, webhook) for tenant, webhook in connection.execute(SQL["deleted_webhooks"])]

        return await self._readers.read(job)

    async def healths(self) -> dict[str, Health]:
        def job(connection: apsw.Connection) -> dict[str, Health]:
            rows = connection.execute(SQL["healths"])
            return {webhook: msgspec.msgpack.decode(document, type=Health) for webhook, document in rows}

        return await self._readers.read(job)

    async def newest(self) -> str | None:
        return await self._readers.read(lambda connection: connection.execute(SQL["newest"]).get)

    async def size(self) -> int:
        return await self._readers.read(lambda connection: int(connection.execute(SQL["size"]).get))


def save_webhook(connection: apsw.Connection, webhook: Webhook) -> None:
    """Insert or replace, raise the tenant's version, and keep the webhook as it is from that version on."""
    document = msgspec.msgpack.encode(webhook)
    row = (
        webhook.id,
        webhook.tenant,
        webhook.name,
        webhook.secret,
        int(webhook.disabled_reason is None),
        document,
    )
    connection.execute(BOOK["save_webhook"], row)
    connection.execute(BOOK["raise_version"], (webhook.tenant,))
    connection.execute(BOOK["keep_webhook"], (webhook.tenant, webhook.id, document))
