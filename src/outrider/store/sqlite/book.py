"""`ports.book.Book` on SQLite: each row is a document, with the columns that rules need beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from outrider.domain.model import Acceptance, ApiKey, Secret, Tenant, TenantBook, Webhook
from outrider.ports.book import InUse, NameTaken
from outrider.store.sqlite.queue import BOOK as SQL
from outrider.store.sqlite.queue import Reads, save_webhook
from outrider.store.sqlite.rows import store
from outrider.store.sqlite.writer import Writer

_encode = msgspec.msgpack.encode


class SqliteBook:
    def __init__(self, writer: Writer, readers: Reads) -> None:
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

        await self._unique(job)

    async def save_webhook(self, webhook: Webhook) -> None:
        await self._unique(lambda connection: save_webhook(connection, webhook))

    async def delete_webhook(self, tenant: str, webhook: str, now: int) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["delete_webhook"], (now, tenant, webhook))
            if connection.changes() == 0:
                return
            connection.execute(SQL["raise_version"], (tenant,))
            connection.execute(SQL["keep_webhook"], (tenant, webhook, None))

        await self._writer.submit(job)

    async def save_secret(self, secret: Secret, news: Acceptance | None = None) -> None:
        def job(connection: apsw.Connection) -> None:
            row = (secret.id, secret.tenant, secret.name, _encode(secret))
            connection.execute(SQL["save_secret"], row)
            if news is not None:
                store(connection, news, "")
            connection.execute(SQL["raise_version"], (secret.tenant,))

        await self._unique(job)

    async def delete_secret(self, tenant: str, secret: str) -> None:
        def job(connection: apsw.Connection) -> None:
            user = connection.execute(SQL["secret_users"], (tenant, secret)).get
            if user is not None:
                raise InUse(user)
            connection.execute(SQL["delete_secret"], (tenant, secret))
            connection.execute(SQL["raise_version"], (tenant,))

        await self._writer.submit(job)

    async def save_key(self, key: ApiKey) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["save_key"], (key.id, key.tenant, _encode(key)))
            connection.execute(SQL["raise_version"], (key.tenant,))

        await self._writer.submit(job)

    async def delete_key(self, tenant: str, key: str) -> None:
        def job(connection: apsw.Connection) -> None:
            connection.execute(SQL["delete_key"], (tenant, key))
            connection.execute(SQL["raise_version"], (tenant,))

        await self._writer.submit(job)

    async def data_keys(self) -> dict[int, str]:
        def job(connection: apsw.Connection) -> dict[int, str]:
            rows: list[Any] = connection.execute(SQL["data_keys"]).fetchall()
            return dict(rows)

        return await self._readers.read(job)

    async def add_data_key(self, number: int, wrapped: str) -> None:
        await self._writer.submit(lambda connection: _add_data_key(connection, number, wrapped))

    async def _unique(self, job: Callable[[apsw.Connection], None]) -> None:
        try:
            await self._writer.submit(job)
        except apsw.ConstraintError as error:
            raise NameTaken from error


def _add_data_key(connection: apsw.Connection, number: int, wrapped: str) -> None:
    connection.execute(SQL["add_data_key"], (number, wrapped))


def _read(connection: apsw.Connection, tenant: str) -> TenantBook | None:
    row = connection.execute(SQL["tenant"], (tenant,)).fetchone()
    if row is None:
        return None
    document, version = row
    decode = msgspec.msgpack.decode
    webhooks = [decode(w[0], type=Webhook) for w in connection.execute(SQL["webhooks"], (tenant,))]
    secrets = [decode(s[0], type=Secret) for s in connection.execute(SQL["secrets"], (tenant,))]
    keys = [decode(k[0], type=ApiKey) for k in connection.execute(SQL["keys"], (tenant,))]
    return TenantBook(
        tenant=decode(document, type=Tenant),
        version=version,
        webhooks={w.id: w for w in webhooks},
        secrets={s.name.lower(): s for s in secrets},
        keys={k.id: k for k in keys},
    )
