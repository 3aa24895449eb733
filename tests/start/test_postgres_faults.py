"""Faults of a PostgreSQL store at the start: each is said in a sentence that tells what to do, without a secret."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

import postgres
from harness import outrider
from outrider.domain.errors import StoreAway
from postgres import OWNER, ROOT_KEY, OwnPostgres, Postgres
from start.starting import at, refused, start

pytestmark = pytest.mark.slow  # a server of its own
PASSWORD = "very-secret-word"


@pytest.fixture(scope="module")
def strict() -> Iterator[OwnPostgres]:
    """A server that asks one role for its password, another one for TLS, which it has not, and has few places."""
    server = OwnPostgres(max_connections="30", superuser_reserved_connections="3")
    for statement in (
        "CREATE ROLE locked LOGIN PASSWORD 'another-one'",
        "CREATE ROLE tls_only LOGIN",
        "CREATE ROLE few LOGIN CONNECTION LIMIT 5",
        "CREATE ROLE plain LOGIN",
    ):
        server.ask(statement)
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text(
        "host all locked all scram-sha-256\nhostnossl all tls_only all reject\nhost all all all trust\n"
    )
    server.ask("SELECT pg_reload_conf()")
    yield server
    server.remove()


def settings(url: str, **others: str) -> dict[str, str]:
    return {"OUTRIDER_STORE": url, "OUTRIDER_ROOT_KEY": ROOT_KEY} | others


def as_role(url: str, role: str, *, query: str = "", database: str | None = None) -> str:
    parts = urlsplit(url)
    place = f"{role}:{PASSWORD}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place, query=query, path=f"/{database}" if database else parts.path))


def check(said: str, *words: str) -> None:
    assert "OUTRIDER_STORE" in said
    for word in words:
        assert word in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("role", "query", "word"),
    [
        ("locked", "", "password"),
        ("nobody_of_this_name", "", "role"),
        ("tls_only", "", "TLS"),
        ("plain", "sslmode=require", "TLS"),
        ("plain", "sslmode=nonsense", "URL"),
        ("plain", "sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "sslrootcert"),
        ("plain", "no_such_parameter=1", "parameters"),
        ("plain", "search_path=nowhere", "search_path"),
        ("plain", "default_transaction_read_only=on", "read-only"),
        ("plain", "", "GRANT CREATE"),
        ("few", "", "limit of 5"),
    ],
)
def test_a_server_that_does_not_take_us(strict: OwnPostgres, role: str, query: str, word: str) -> None:
    strict.ask("GRANT CREATE ON SCHEMA public TO few", url=strict.url)
    check(refused(**settings(as_role(strict.url, role, query=query))), word)


def test_no_such_database(strict: OwnPostgres) -> None:
    check(refused(**settings(as_role(strict.url, "plain", database="nowhere"))), "CREATE DATABASE")


def test_too_few_connections_for_what_is_asked(strict: OwnPostgres) -> None:
    strict.ask("CREATE DATABASE ours OWNER plain")
    url = as_role(strict.url, "plain", database="ours")
    check(refused(**settings(url, OUTRIDER_STORE_CONNECTIONS="27")), "28 connections", "limit of 27")
    start(**settings(url, OUTRIDER_STORE_CONNECTIONS="26"))


def with_encoding(encoding: str) -> Callable[[Postgres], str]:
    def make(server: Postgres) -> str:
        name = f"encoded_{encoding.lower()}"
        server.ask(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        return server.named(name)

    return make


def with_statement(*statements: str) -> Callable[[Postgres], str]:
    def make(server: Postgres) -> str:
        url = server.empty_database()
        for statement in statements:
            server.ask(statement, url=url)
        return url

    return make


def served_and_then(*statements: str) -> Callable[[Postgres], str]:
    def make(server: Postgres) -> str:
        url = server.database()
        start(**settings(url))
        for statement in statements:
            server.ask(statement, url=url)
        return url

    return make


@pytest.mark.parametrize(
    ("make", "word"),
    [
        pytest.param(with_encoding("LATIN1"), "UTF8", id="LATIN1"),
        pytest.param(with_encoding("SQL_ASCII"), "UTF8", id="SQL_ASCII"),
        pytest.param(with_statement("CREATE TABLE event (id int)"), "database of its own", id="event"),
        pytest.param(with_statement("CREATE TABLE migration (id int)"), "database of its own", id="migration"),
        pytest.param(with_statement("CREATE VIEW tenant AS SELECT 1"), "database of its own", id="a view"),
        pytest.param(with_statement("CREATE TYPE webhook AS (a int)"), "database of its own", id="a type"),
        pytest.param(with_statement("CREATE SEQUENCE event_place"), "database of its own", id="a sequence"),
        pytest.param(with_statement("DROP SCHEMA public"), "search_path", id="no schema"),
        pytest.param(served_and_then("DROP TABLE health"), "database of its own", id="a lost table"),
        pytest.param(served_and_then("UPDATE tenant SET document = '\\xc1'"), "tenant", id="a damaged row"),
        pytest.param(
            served_and_then("UPDATE migration SET number = number + 100"), "version 10", id="a newer store"
        ),
    ],
)
def test_a_database_that_is_none_for_us(
    postgres_server: Postgres, make: Callable[[Postgres], str], word: str
) -> None:
    check(refused(**settings(make(postgres_server))), word)


def test_a_copy_to_what_is_none_for_us(postgres_server: Postgres, tmp_path: Path) -> None:
    start(**at(tmp_path / "a.db"))
    target = with_statement("CREATE TABLE event (id int)")(postgres_server)
    done = outrider("store", "copy", "--from", f"sqlite:///{tmp_path / 'a.db'}", "--to", target)
    assert (done.returncode, b"target: expected" in done.stderr, b"Traceback" in done.stderr) == (78, True, False)


def test_tables_of_another_role(strict: OwnPostgres) -> None:
    url = strict.database()
    strict.ask("GRANT CREATE ON SCHEMA public TO plain", url=url)
    check(refused(**settings(as_role(url, "plain"))), "GRANT")


@pytest.mark.parametrize("port", [1, None])
def test_what_may_come_up_is_worth_waiting_for(strict: OwnPostgres, port: int | None) -> None:
    """Nobody listens; no place for one more connection."""
    url = strict.url if port is None else strict.url.replace(f":{strict.port}", f":{port}")
    if port is None:
        strict.ask("ALTER ROLE few CONNECTION LIMIT 0")
        url = as_role(url, "few")
    with pytest.raises(StoreAway) as away:
        start(**settings(url))
    check(str(away.value), "reached")


def test_a_standby(strict: OwnPostgres) -> None:
    """The last of them: the server stays one."""
    strict.ask("CREATE DATABASE last_one")
    strict.stop()
    signal = strict.folder / "data" / "standby.signal"
    signal.touch()
    if OWNER is not None:
        shutil.chown(signal, OWNER)
    strict.start()
    check(refused(**settings(strict.named("last_one"))), "standby")
    assert postgres.ROOT_KEY not in refused(**settings(strict.named("last_one")))
