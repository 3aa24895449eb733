"""`ports.book.Book` on SQLite: each row is a document, with the columns that rules need beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw
import msgspec

from outrider.domain.model import Acceptance, ApiKey, Secret, Tenant, TenantBook, Webhook
from outrider.ports.book import KeyTaken, Sealing, StaleBook, Unsealed
from outrider.ports.clock import Clock, moment
from outrider.store.documents import read_document
from outrider.store.sqlite.queue import Reads
from outrider.store.sqlite.rows import SQL as QUEUE
from outrider.store.sqlite.rows import store
from outrider.store.sqlite.settlements import BOOK as SQL
from outrider.store.sqlite.settlements import save_webhook
from outrider.store.sqlite.writer import Writer

_encode = msgspec.msgpack.encode


class SqliteBook:
    def __init__(self, writer: Writer, readers: Reads, clock: Clock) -> None:
        self._clock = clock
        self._writer = writer
        self._readers = readers

    async def tenants(self) -> list[TenantBook]:
        def job(connection: apsw.Connection) -> list[TenantBook]:
            ids: list[Any] = connection.execute(SQL["tenants"]).fetchall()
            found = [_read(connection, row[0]) for row in ids]
            return [book for book in found if book is not None]

        return await self._readers.read(job)

    async def tenant(self, tenant: str) -> TenantBook | None:
        return await self._readers.read(lambda connection: _read(connection, tenant))

    async def add_tenant(self, tenant: Tenant) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["insert_tenant"], (tenant.id, tenant.api_key, _encode(tenant)))

        try:
            await self._writer.submit(job)
        except apsw.ConstraintError as error:
            raise KeyTaken from error

    async def add_first_tenant(self, tenant: Tenant) -> bool:
        def job(connection: apsw.Connection) -> bool:
            connection.execute(SQL["insert_first"], (tenant.id, tenant.api_key, _encode(tenant)))
            return connection.changes() == 1

        return await self._writer.submit(job)

    async def save_tenant(self, tenant: Tenant, version: int) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["save_tenant"], (_encode(tenant), tenant.id))
            connection.execute(SQL["raise_version"], (tenant.id,))

        await self._change(tenant.id, version, job)

    async def save_webhook(self, webhook: Webhook, version: int) -> None:
        await self._change(webhook.tenant, version, lambda connection: save_webhook(connection, webhook))

    async def takes_sealed(self) -> bool:
        """One process has the file, and it is of this version."""
        return True

    async def unsealed(self, most: int) -> list[Unsealed]:
        def job(connection: apsw.Connection) -> list[Unsealed]:
            rows: list[Any] = connection.execute(SQL["unsealed"], (most,)).fetchall()
            rows += connection.execute(SQL["unsealed_past"], (most - len(rows),)).fetchall()
            return [Unsealed(*row) for row in rows]

        return await self._readers.read(job)

    async def seal(self, rows: Sequence[Sealing]) -> None:
        def job(connection: apsw.Connection) -> None:
            for row in rows:
                place = (row.document, row.found.webhook, row.found.document)
                if row.found.version is None:
                    connection.execute(SQL["seal"], place)
                else:
                    connection.execute(SQL["seal_past"], (*place, row.found.version))
            if any(row.secret for row in rows):
                connection.execute(SQL["owe_wiping"])

        await self._writer.submit(job)

    async def delete_webhook(self, tenant: str, webhook: str, now: int, version: int) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["delete_webhook"], (now, tenant, webhook))
            if connection.changes() == 0:
                return
            connection.execute(SQL["raise_version"], (tenant,))
            connection.execute(SQL["keep_webhook"], (tenant, webhook, None, 1))

        await self._change(tenant, version, job)

    async def save_secret(self, secret: Secret, version: int, news: Acceptance | None = None) -> None:
        def job(connection: apsw.Connection) -> None:
            row = (secret.id, secret.tenant, secret.name, _encode(secret))
            connection.execute(SQL["save_secret"], row)
            if news is not None:
                store(connection, news, "", moment(self._clock))
            connection.execute(SQL["raise_version"], (secret.tenant,))

        await self._change(secret.tenant, version, job)

    async def delete_secret(self, tenant: str, secret: str, version: int) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["delete_secret"], (tenant, secret))
            connection.execute(SQL["raise_version"], (tenant,))

        await self._change(tenant, version, job)

    async def save_key(self, key: ApiKey, version: int) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["save_key"], (key.id, key.tenant, _encode(key)))
            connection.execute(SQL["raise_version"], (key.tenant,))

        await self._change(key.tenant, version, job)

    async def delete_key(self, tenant: str, key: str, version: int) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["delete_key"], (tenant, key))
            connection.execute(SQL["raise_version"], (tenant,))

        await self._change(tenant, version, job)

    async def data_keys(self) -> dict[int, str]:
        def job(connection: apsw.Connection) -> dict[int, str]:
            rows: list[Any] = connection.execute(SQL["data_keys"]).fetchall()
            return dict(rows)

        return await self._readers.read(job)

    async def add_data_key(self, number: int, wrapped: str) -> None:
        await self._writer.submit(lambda connection: _add_data_key(connection, number, wrapped))

    async def _change(self, tenant: str, version: int, job: Callable[[apsw.Connection], None]) -> None:
        """Run `job` if the tenant is at `version`. Raises StaleBook."""

        def fenced(connection: apsw.Connection) -> None:
            if connection.execute(QUEUE["tenant_version"], (tenant,)).get != version:
                raise StaleBook
            job(connection)

        await self._writer.submit(fenced)


def _add_data_key(connection: apsw.Connection, number: int, wrapped: str) -> None:
    connection.execute(SQL["add_data_key"], (number, wrapped))


def _read(connection: apsw.Connection, tenant: str) -> TenantBook | None:
    row = connection.execute(SQL["tenant"], (tenant,)).fetchone()
    if row is None:
        return None
    document, version = row
    webhooks = [read_document(w[0], Webhook, "webhook") for w in connection.execute(SQL["webhooks"], (tenant,))]
    secrets = [read_document(s[0], Secret, "secret") for s in connection.execute(SQL["secrets"], (tenant,))]
    keys = [read_document(k[0], ApiKey, "api_key") for k in connection.execute(SQL["keys"], (tenant,))]
    return TenantBook(
        tenant=read_document(document, Tenant, "tenant"),
        version=version,
        webhooks={w.id: w for w in webhooks},
        secrets={s.name.lower(): s for s in secrets},
        keys={k.id: k for k in keys},
    )
