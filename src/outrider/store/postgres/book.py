"""`ports.book.Book` on PostgreSQL: each row is a document, with the columns that queries need beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from outrider.domain.model import Acceptance, ApiKey, Secret, Tenant, TenantBook, Webhook
from outrider.ports.book import KeyTaken, Sealing, Unsealed
from outrider.ports.clock import Clock, moment
from outrider.store.documents import read_document
from outrider.store.postgres.config import SQL, raise_version, save_webhook
from outrider.store.postgres.connections import Connections, rows_of
from outrider.store.postgres.intake import store_unleased

_encode = msgspec.msgpack.encode


class PostgresBook:
    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._clock = clock
        self._connections = connections

    async def tenants(self) -> list[TenantBook]:
        async def work(connection: Any) -> list[TenantBook]:
            ids = [row[0] for row in await connection.fetch(SQL["tenants"])]
            found = [await _read(connection, tenant) for tenant in ids]
            return [book for book in found if book is not None]

        return await self._connections.run(work, limit_s=60)

    async def tenant(self, tenant: str) -> TenantBook | None:
        return await self._connections.run(lambda connection: _read(connection, tenant))

    async def add_tenant(self, tenant: Tenant) -> None:
        row = (tenant.id, tenant.api_key, _encode(tenant))
        try:
            await self._connections.run(lambda connection: connection.execute(SQL["insert_tenant"], *row))
        except asyncpg.UniqueViolationError as error:
            raise KeyTaken from error

    async def add_first_tenant(self, tenant: Tenant) -> bool:
        async def work(connection: Any) -> bool:
            await connection.execute(SQL["lock_first"])
            done = await connection.execute(SQL["insert_first"], tenant.id, tenant.api_key, _encode(tenant))
            return rows_of(done) == 1

        return await self._connections.in_transaction(work)

    async def save_tenant(self, tenant: Tenant, version: int) -> None:
        await self._change(tenant.id, version, "save_tenant", tenant.id, _encode(tenant))

    async def save_webhook(self, webhook: Webhook, version: int) -> None:
        await self._connections.in_transaction(lambda connection: save_webhook(connection, webhook, version))

    async def takes_sealed(self) -> bool:
        return bool(await self._connections.run(lambda connection: connection.fetchval(SQL["takes_sealed"])))

    async def unsealed(self, most: int) -> list[Unsealed]:
        async def work(connection: Any) -> list[Any]:
            rows: list[Any] = await connection.fetch(SQL["unsealed"], most)
            return [*rows, *await connection.fetch(SQL["unsealed_past"], most - len(rows))]

        return [Unsealed(*row) for row in await self._connections.run(work)]

    async def seal(self, rows: Sequence[Sealing]) -> None:
        async def work(connection: Any) -> None:
            for row in rows:
                place = (row.document, row.found.tenant, row.found.webhook, row.found.document)
                if row.found.version is None:
                    await connection.execute(SQL["seal"], *place)
                else:
                    await connection.execute(SQL["seal_past"], *place, row.found.version)

        await self._connections.in_transaction(work)

    async def delete_webhook(self, tenant: str, webhook: str, now: int, version: int) -> None:
        async def work(connection: Any) -> None:
            raised = await raise_version(connection, tenant, version)
            done = await connection.execute(SQL["delete_webhook"], tenant, webhook, now)
            if rows_of(done) == 1:
                await connection.execute(SQL["keep_webhook"], tenant, webhook, raised, None, True)

        await self._connections.in_transaction(work)

    async def save_secret(self, secret: Secret, version: int, news: Acceptance | None = None) -> None:
        async def work(connection: Any) -> None:
            await raise_version(connection, secret.tenant, version)
            row = (secret.tenant, secret.id, secret.name, _encode(secret))
            await connection.execute(SQL["save_secret"], *row)
            if news is not None:
                await store_unleased(connection, news, moment(self._clock))

        await self._connections.in_transaction(work)

    async def delete_secret(self, tenant: str, secret: str, version: int) -> None:
        await self._change(tenant, version, "delete_secret", tenant, secret)

    async def save_key(self, key: ApiKey, version: int) -> None:
        await self._change(key.tenant, version, "save_key", key.tenant, key.id, _encode(key))

    async def delete_key(self, tenant: str, key: str, version: int) -> None:
        await self._change(tenant, version, "delete_key", tenant, key)

    async def data_keys(self) -> dict[int, str]:
        rows = await self._connections.run(lambda connection: connection.fetch(SQL["data_keys"]))
        return {row[0]: row[1] for row in rows}

    async def add_data_key(self, number: int, wrapped: str) -> None:
        await self._connections.run(lambda connection: connection.execute(SQL["add_data_key"], number, wrapped))

    async def _change(self, tenant: str, version: int, query: str, *bindings: Any) -> None:
        """Run one statement if the tenant is at `version`. Raises StaleBook."""

        async def work(connection: Any) -> None:
            await raise_version(connection, tenant, version)
            await connection.execute(SQL[query], *bindings)

        await self._connections.in_transaction(work)


async def _read(connection: Any, tenant: str) -> TenantBook | None:
    rows = await connection.fetch(SQL["tenant"], tenant)
    own = next((row for row in rows if row[0] == "t"), None)
    if own is None:
        return None
    webhooks = [read_document(row[1], Webhook, "webhook") for row in rows if row[0] == "w"]
    secrets = [read_document(row[1], Secret, "secret") for row in rows if row[0] == "s"]
    keys = [read_document(row[1], ApiKey, "api_key") for row in rows if row[0] == "k"]
    return TenantBook(
        tenant=read_document(own[1], Tenant, "tenant"),
        version=own[2],
        webhooks={w.id: w for w in webhooks},
        secrets={s.name.lower(): s for s in secrets},
        keys={k.id: k for k in keys},
    )
