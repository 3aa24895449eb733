"""Stores of the version that kept webhooks in clear: what lay open is sealed, on SQLite nothing of it stays."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clocks import SetClock
from conformance.conftest import ABOUT, Store
from outrider.app.books import Books
from outrider.app.sealing import Sealer, opened, seal_stored, sealed
from outrider.app.webhooks import WebhookInput, Webhooks
from outrider.config import Config
from outrider.dispatch.request import template
from outrider.domain.address import AddressPolicy
from outrider.domain.errors import CallerError, ConfigError
from outrider.domain.model import Tenant, Webhook
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.ports.vault import Unsealable
from outrider.store.postgres import database as on_postgres
from outrider.store.postgres.connections import Connections, connect, parse_url
from outrider.store.postgres.migrate import migrate
from outrider.store.postgres.migrate import migrations as of_postgres
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.sqlite import wiping
from outrider.store.sqlite.database import migrations as of_sqlite
from outrider.vault.keyring import Keyring, _encrypt_to_text
from outrider.wiring import build
from planted import findings, secret
from postgres import Postgres, dump

ROOT, DATA_KEY = b"r" * 32, b"k" * 32
VAULT = Keyring({1: DATA_KEY})
TENANT, API_KEY = "tenant-1", "key"
SECRETS = {kind: secret(kind) for kind in ("header", "parameter", "query", "earlier", "deleted", "large")}


def in_clear(identity: str, **changes: Any) -> bytes:
    """A webhook's document as the version before wrote it."""
    webhook = Webhook(
        id=identity, tenant=TENANT, name=identity, events=("Login",), secret="", authentication=None,
        target_url=f"https://a.example/hook?token={SECRETS['query']}", headers={"X-Key": SECRETS["header"]},
        query_params={"sig": SECRETS["parameter"]}, created=1, modified=1,
    )  # fmt: skip
    document = msgspec.to_builtins(msgspec.structs.replace(webhook, **changes))
    for name in ("plain_headers", "plain_params", "sealed"):
        del document[name]
    return msgspec.msgpack.encode(document)


def tenant() -> bytes:
    api_secret = VAULT.seal("api-secret", f"tenant/{TENANT}/api-secret")
    return msgspec.msgpack.encode(Tenant(TENANT, "default", API_KEY, api_secret, 0))


def wrapped() -> str:
    return _encrypt_to_text(AESGCM(ROOT), DATA_KEY, "data-key/1")


def documents() -> list[tuple[str, int, bytes | None]]:
    """Of two webhooks, every version; the last one of `old` says that it was deleted."""
    earlier = {"X-Key": SECRETS["earlier"]}
    return [
        ("w", 2, in_clear("w", headers=earlier)),
        ("w", 3, in_clear("w")),
        ("old", 4, in_clear("old", headers={"X-Key": SECRETS["deleted"]})),
        ("old", 5, None),
    ]


def old_file(path: Path) -> None:
    """Written, and changed, by the version before: its pages hold also what was replaced."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL")
    scripts = of_sqlite()
    before = next(number for number, script in enumerate(scripts) if script.name.endswith("_sealed.sql"))
    for script in scripts[:before]:
        connection.execute(script.read_text(encoding="utf-8"))
    connection.pragma("user_version", before)
    connection.execute("INSERT INTO data_key VALUES (1, ?)", (wrapped(),))
    connection.execute("INSERT INTO tenant VALUES (?, ?, 5, ?, 1)", (TENANT, API_KEY, tenant()))
    for identity, version, document in documents():
        connection.execute("INSERT INTO webhook_past VALUES (?, ?, ?, ?)", (identity, version, TENANT, document))
    for identity, deleted in (("w", None), ("old", 9)):
        large = in_clear(identity, headers={f"X-{n}": SECRETS["large"] for n in range(2_000)})
        row = (identity, TENANT, identity, "", 1, deleted, large)
        connection.execute("INSERT INTO webhook VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE webhook SET document = ? WHERE id = ?", (in_clear(identity), identity))
    connection.close()


def config(path: Path) -> Config:
    return Config(store=f"sqlite:///{path}", root_key=b64encode(ROOT).decode())


def start(path: Path) -> Any:
    """The webhook `w` as a started Outrider knows it."""

    async def play() -> Webhook | None:
        outrider = await build(config(path))
        await outrider.start()
        await outrider.stop(1)
        return Books.webhook(outrider.services.webhooks._books, TENANT, "w")

    return asyncio.run(play())


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_file_forgets_what_lay_in_clear(tmp_path: Path) -> None:
    path = tmp_path / "outrider.db"
    old_file(path)
    assert {found.split(" as ")[0] for found in findings(SECRETS, files(tmp_path))} == set(SECRETS)
    webhook = start(path)
    assert webhook.headers == {"X-Key": SECRETS["header"]}
    assert webhook.query_params == {"sig": SECRETS["parameter"]}
    assert webhook.target_url.endswith(SECRETS["query"])
    assert findings(SECRETS, files(tmp_path)) == []
    connection = apsw.Connection(str(path))
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    assert connection.execute("SELECT count(*) FROM webhook WHERE sealed = 1").get == 2
    assert connection.execute("SELECT count(*) FROM webhook_past WHERE sealed = 1").get == 3
    assert connection.execute("SELECT version FROM tenant").get == 5
    connection.close()
    assert start(path) == webhook


def test_sealing_alone_would_not_be_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the wiping is for; and without room for it, it is told, and done at the next start."""
    path = tmp_path / "outrider.db"
    old_file(path)
    write = wiping._write

    def full(connection: apsw.Connection, fresh: Path) -> None:
        fresh.write_bytes(b"half")
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(wiping, "_write", full)
    start(path)
    assert findings(SECRETS, files(tmp_path)) != []
    assert not list(tmp_path.glob("*.wiping*"))
    monkeypatch.setattr(wiping, "_write", write)
    start(path)
    assert findings(SECRETS, files(tmp_path)) == []


def test_a_file_without_secrets_is_not_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "outrider.db"
    old_file(path)
    connection = apsw.Connection(str(path))
    plain = in_clear("w", headers=None, query_params=None, target_url="https://a.example/hook")
    connection.execute("DELETE FROM webhook_past")
    connection.execute("UPDATE webhook SET document = ?", (plain,))
    connection.close()
    monkeypatch.setattr(wiping, "_write", None)  # calling it would fail
    assert start(path).target_url == "https://a.example/hook"


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "outrider.db"
    old_file(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE webhook_past SET document = x'c1' WHERE version = 2")
    connection.close()
    with pytest.raises(ConfigError, match="a row of webhook w cannot be read"):
        start(path)


@pytest.fixture
def run() -> Iterator[Any]:
    with asyncio.Runner() as runner:
        yield runner.run


async def old_database(url: str) -> Connections:
    """As the version before left it, one of its processes still beating."""
    connections = await connect(parse_url(url), 2)
    known = of_postgres()
    before = next(number for number, m in enumerate(known) if "takes_sealed" in m.script)
    await migrate(connections, known[:before])

    async def fill(connection: Any) -> None:
        await connection.execute("INSERT INTO data_key VALUES (1, $1)", wrapped())
        row = (TENANT, API_KEY, tenant())
        await connection.execute("INSERT INTO tenant (id, api_key, version, document) VALUES ($1, $2, 5, $3)", *row)
        for identity, version, document in documents():
            row = (TENANT, identity, version, document)
            await connection.execute("INSERT INTO webhook_past VALUES ($1, $2, $3, $4)", *row)
        for identity, deleted in (("w", None), ("old", 9)):
            row = (TENANT, identity, identity, True, deleted, in_clear(identity))
            await connection.execute("INSERT INTO webhook VALUES ($1, $2, $3, $4, $5, $6)", *row)
        await connection.execute(NODE["join"], "old", f'{{"schema": {before}}}')

    await connections.run(fill)
    return connections


def use_cases(database: Any, books: Books) -> Webhooks:
    return Webhooks(
        book=database.book, books=books, ledger=database.ledger, vault=VAULT, clock=SystemClock(),
        entropy=SystemEntropy(), handover=_Nobody(), egress=AddressPolicy(),
    )  # fmt: skip


class _Nobody:
    def wake(self) -> None: ...


def test_a_rolling_upgrade_seals_when_the_old_are_gone(run: Any, postgres_server: Postgres) -> None:
    url = postgres_server.empty_database()

    async def play() -> None:
        connections = await old_database(url)
        new = await on_postgres.open_database(
            url, "new", clock=SetClock(), size=5, about=ABOUT, dispatches=True, keeps_house=True
        )
        try:
            assert not await seal_stored(new.book, VAULT)
            books = Books(new.book, VAULT)
            await books.load()
            given = WebhookInput(Event="Login", TargetUrl="https://b.example/", Headers={"X-Key": SECRETS["large"]})
            made = await use_cases(new, books).create(TENANT, given)
            row = await connections.run(lambda c: c.fetchrow("SELECT * FROM webhook WHERE id = $1", made.id))
            found = msgspec.msgpack.decode(row["document"])  # as processes of the version before read it
            assert (found["target_url"], found["headers"]) == (made.target_url, made.headers)
            await connections.run(lambda c: c.execute(NODE["leave"], "old"))
            await new.upkeep.tend(None)
            assert await seal_stored(new.book, VAULT)
            fresh = Books(new.book, VAULT)
            await fresh.load()
            assert fresh.webhook(TENANT, made.id).headers == made.headers
            assert fresh.webhook(TENANT, "w").headers == {"X-Key": SECRETS["header"]}
            paused = await use_cases(new, fresh).update(TENANT, "w", WebhookInput(Enabled=False))
            assert paused.headers == {"X-Key": SECRETS["header"]}
        finally:
            await connections.close()
            await new.close()

    run(play())
    assert findings(SECRETS, {"database": dump(url)}) == []


def test_what_was_saved_meanwhile_is_found_later(
    run: Any, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service looks again, and nothing it finds was changed by somebody else meanwhile."""
    monkeypatch.setattr("outrider.app.sealing.LOOK_NOW_AND_THEN_S", 0.01)
    url = postgres_server.database()

    async def play() -> None:
        store = await on_postgres.open_database(
            url, "new", clock=SetClock(), size=5, about=ABOUT, dispatches=True, keeps_house=True
        )
        sealing = asyncio.get_running_loop().create_task(Sealer(store.book, VAULT).run())
        try:
            await store.book.add_tenant(msgspec.msgpack.decode(tenant(), type=Tenant))
            for version in (1, 2):
                webhook = msgspec.msgpack.decode(in_clear("w"), type=Webhook)
                await store.book.save_webhook(webhook, version)
                async with asyncio.timeout(10):
                    while await store.book.unsealed(1):  # noqa: ASYNC110 - what is waited for lies in the store
                        await asyncio.sleep(0.01)
            found = (await store.book.tenant(TENANT)).webhooks["w"]
            assert (found.target_url, found.headers) == ("", None)
            assert opened(found, VAULT).headers == webhook.headers
        finally:
            sealing.cancel()
            await asyncio.wait([sealing])
            await store.close()

    run(play())


def test_what_is_sealed_opens_for_its_webhook_only() -> None:
    webhook = msgspec.msgpack.decode(in_clear("w"), type=Webhook)
    at_rest = sealed(webhook, VAULT)
    assert findings(SECRETS, {"document": msgspec.msgpack.encode(at_rest), "repr": repr(webhook).encode()}) == []
    assert msgspec.structs.replace(opened(at_rest, VAULT), sealed=None) == webhook
    moved = msgspec.structs.replace(at_rest, id="other")
    assert opened(moved, VAULT) is moved
    with pytest.raises(Unsealable):
        VAULT.unseal_content(at_rest.sealed, "webhook/other/request")


def test_one_that_does_not_open_waits_until_it_is_given_anew(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    run, book = store.run, store.book
    webhook = msgspec.msgpack.decode(in_clear("w"), type=Webhook)
    damaged = msgspec.structs.replace(sealed(webhook, VAULT), sealed=b"v1.1.damaged")
    run(book.save_webhook(damaged, store.version()))
    books = Books(book, VAULT)
    run(books.load())
    assert "webhook w cannot be used" in caplog.text
    with pytest.raises(Unsealable):
        template(books.webhook(TENANT, "w"), books.of(TENANT), VAULT, 0)
    webhooks = use_cases(store.database, books)
    with pytest.raises(CallerError, match="TargetUrl"):
        run(webhooks.update(TENANT, "w", WebhookInput(Name="renamed")))
    given = WebhookInput(TargetUrl="https://a.example/", Headers={"X-Key": "new"})
    assert run(webhooks.update(TENANT, "w", given)).headers == {"X-Key": "new"}
    again = Books(book, VAULT)
    run(again.load())
    assert again.webhook(TENANT, "w").target_url == "https://a.example/"


def test_a_picture_that_is_read_again_opens_what_changed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = msgspec.msgpack.decode(in_clear("w"), type=Webhook)
    at_rest = sealed(webhook, VAULT)
    before = opened(at_rest, VAULT)
    unseal: Callable[..., Any] = VAULT.unseal_content
    opening: list[str] = []

    def counted(content: bytes, row: str) -> bytes:
        opening.append(row)
        found: bytes = unseal(content, row)
        return found

    monkeypatch.setattr(VAULT, "unseal_content", counted)
    renamed = msgspec.structs.replace(at_rest, name="renamed")
    assert opened(renamed, VAULT, before).headers == webhook.headers
    assert opening == []
    assert opened(sealed(webhook, VAULT), VAULT, before).headers == webhook.headers
    assert opening == ["webhook/w/request"]
