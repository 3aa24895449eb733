"""What is particular to PostgreSQL: refused servers, broken commits, silent processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest

from conformance import test_order, test_store
from conformance.conftest import TENANT, OnPostgres
from nodes.cluster import Wire
from outrider.dispatch.heartbeat import BEAT_S, BEATS_UNTIL_DEAD, SURE
from outrider.domain.delivery import Line
from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.domain.fanout import owe_again
from outrider.domain.job import Job, JobKind, JobState, Selection
from outrider.domain.model import Ordering
from outrider.ports.queue import Pulse
from outrider.store.postgres import nodes
from outrider.store.postgres import queue as queue_module
from outrider.store.postgres.nodes import SQL as NODE
from outrider.store.postgres.rows import SQL
from postgres import Postgres
from store.conftest import execute, opened, settled

LATER = 10**13
DEAD_AFTER = 20_000


class Broken:
    """A store that reaches its database over a wire, and a second process that does not need it."""

    def __init__(self, url: str, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.wire = Wire(url)
        self.store = OnPostgres(self.wire.url, run)
        self.other = run(opened(url, "process-2"))
        self.run = run

    def close(self) -> None:
        self.store.close()
        self.run(self.other.close())
        self.wire.close()

    def claimed_by_other(self) -> list[str]:
        return [d.id for d in self.run(self.other.queue.claim(TENANT, "w", 10, LATER))]


@pytest.fixture
def broken(url: str) -> Iterator[Broken]:
    with asyncio.Runner() as runner:
        made = Broken(url, runner.run)
        yield made
        made.close()


# Servers


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_version_num", "130014"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("synchronous_commit", "local"),
    ],
)
def test_a_server_that_would_make_202_a_lie_is_refused(
    postgres_server: Postgres, url: str, setting: str, value: str
) -> None:
    """The server says so of itself: a function before the system's own answers for this one setting."""
    name = urlsplit(url).path[1:]
    answer = f"CASE name WHEN '{setting}' THEN '{value}' ELSE pg_catalog.current_setting(name) END"
    for statement in (
        "CREATE SCHEMA other",
        f"CREATE FUNCTION other.current_setting(name text) RETURNS text LANGUAGE sql AS $$ SELECT {answer} $$",
        f"ALTER DATABASE {name} SET search_path = other, pg_catalog, public",
    ):
        postgres_server.ask(statement, url=url)
    with pytest.raises(ConfigError) as refused:
        asyncio.run(opened(url))
    assert refused.value.field == "OUTRIDER_STORE"
    assert value[:2] in refused.value.given


@pytest.mark.parametrize(
    "change",
    [
        {"user": "locked"},  # a role with another password
        {"user": "nobody_of_this_name"},
        {"path": "/no_such_database"},
        {"port": 1},
        {"host": "database.invalid"},
    ],
)
def test_a_database_that_cannot_be_reached_is_an_error_without_its_url(url: str, change: dict[str, Any]) -> None:
    parts = urlsplit(url)
    host, port = change.get("host", parts.hostname), change.get("port", parts.port)
    place = f"{change.get('user', parts.username)}:very-secret@{host}:{port}"
    with pytest.raises(ConfigError) as refused:
        asyncio.run(opened(urlunsplit(parts._replace(netloc=place, path=change.get("path", parts.path)))))
    said = str(refused.value)
    assert refused.value.field == "OUTRIDER_STORE"
    for hidden in ("very-secret", str(host), parts.username or "", change.get("user", "very-secret")):
        assert hidden not in said.replace("PostgreSQL", "")


@pytest.mark.parametrize("query", ["pooler=session", "pooler="])
def test_an_unknown_pooler_is_refused(url: str, query: str) -> None:
    with pytest.raises(ConfigError):
        asyncio.run(opened(f"{url}?{query}"))


# Connections


def test_every_use_has_its_settings(either: OnPostgres) -> None:
    found = execute(
        either,
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
        "current_setting('enable_seqscan'), current_setting('idle_in_transaction_session_timeout')",
    )
    assert tuple(found[0]) == ("30s", "4s", "off", "10s")
    reading = either.run(either.database._readers.run(lambda c: c.fetchval("SHOW statement_timeout")))
    assert reading == "5s"


def test_a_lost_connection_is_replaced(either: OnPostgres) -> None:
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as raised:
            execute(either, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert "postgresql" not in str(raised.value)
    assert execute(either, "SELECT 1")[0][0] == 1


# Groups


def test_one_bad_acceptance_spoils_no_group(either: OnPostgres) -> None:
    good = [either.acceptance(f"e{n}") for n in range(20)]
    bad = either.acceptance("nul", subject="a\0b")  # the doors refuse it; here it stands for any defect of ours

    async def together() -> list[Any]:
        return await asyncio.gather(*map(either.queue.accept, [*good, bad]), return_exceptions=True)

    outcomes = either.run(together())
    assert [type(o).__name__ for o in outcomes] == ["Receipt"] * 20 + ["CharacterNotInRepertoireError"]
    assert either.run(either.queue.size(TENANT)) == 20


def test_repeats_of_two_processes_at_once_store_one(either: OnPostgres) -> None:
    other = either.other_process("process-2")
    made = [either.acceptance("e1", "e2", lease=True) for _ in range(40)]

    async def at_once() -> list[Any]:
        queues = (either.queue, other)
        return await asyncio.gather(*(queues[n % 2].accept(one) for n, one in enumerate(made)))

    receipts = either.run(at_once())
    assert sorted(len(receipt.repeats) for receipt in receipts) == [0] + [2] * 39
    assert either.run(either.queue.size(TENANT)) == 2


# Commits whose answer nobody heard


def test_what_an_unheard_acceptance_leased_is_released(broken: Broken) -> None:
    store, run = broken.store, broken.run
    store.accept("e0", lease=True)  # statements are prepared now
    made = store.acceptance("e1", lease=True)
    broken.wire.break_at = b"d-e1"
    with pytest.raises(StoreUnavailable):
        run(store.queue.accept(made))
    assert run(broken.other.ledger.event(TENANT, "e1")) is not None
    run(broken.other.queue.heartbeat(DEAD_AFTER))
    assert broken.claimed_by_other() == []
    run(store.queue.heartbeat(DEAD_AFTER))
    assert broken.claimed_by_other() == ["d-e1"]
    assert run(store.queue.accept(made)).repeats == {"e1"}  # the producer tries again
    run(store.queue.heartbeat(DEAD_AFTER))
    assert broken.claimed_by_other() == []


def test_what_an_unheard_claim_leased_is_released(broken: Broken) -> None:
    store, run = broken.store, broken.run
    store.accept("e1", "e2")
    broken.wire.break_at = b"COMMIT"
    with pytest.raises(StoreUnavailable):
        run(store.queue.claim(TENANT, "w", 10, LATER))
    assert broken.claimed_by_other() == []
    run(store.queue.heartbeat(DEAD_AFTER))
    assert broken.claimed_by_other() == ["d-e1", "d-e2"]


def test_what_an_unheard_settlement_promoted_is_released(broken: Broken) -> None:
    store, run = broken.store, broken.run
    run(store.save_webhook("w", ordering=Ordering.SUBJECT))
    first = store.accept("e1", lease=True).deliveries[0]
    store.accept("e2")
    broken.wire.break_at = b"COMMIT"
    with pytest.raises(StoreUnavailable):
        run(store.queue.settle([settled(first)]))
    assert broken.claimed_by_other() == []
    # Tried again, as the settler does: the outcome is there already, and what it promoted is nobody's.
    assert run(store.queue.settle([settled(first)])).lost == {first.id}
    run(store.queue.heartbeat(DEAD_AFTER))
    assert broken.claimed_by_other() == ["d-e2"]


def test_what_an_unheard_stretch_made_is_made_once(broken: Broken) -> None:
    store, run = broken.store, broken.run
    event = store.accept("e1", lease=True).events[0]
    selection = Selection(JobKind.REPLAY, TENANT, "w")
    start, end = run(store.database.jobs.bounds(selection))
    job = Job("j1", selection, start, end, start, 1)
    run(store.database.jobs.add(job))
    after = msgspec.structs.replace(job, place=end, made=1, state=JobState.DONE)
    made = [owe_again(event, "w", "d-f", 9, "job:j1")]
    broken.wire.break_at = b"COMMIT"
    with pytest.raises(StoreUnavailable):
        run(store.database.jobs.advance(job, after, made))
    assert not run(store.database.jobs.advance(job, after, made))
    assert not run(broken.other.jobs.advance(job, after, made))
    assert run(store.queue.size(TENANT)) == 2
    assert run(broken.other.jobs.job(TENANT, "j1")) == after


def test_what_is_held_after_all_is_no_doubt(broken: Broken) -> None:
    store, run = broken.store, broken.run
    store.accept("e1")
    broken.wire.break_at = b"COMMIT"
    with pytest.raises(StoreUnavailable):
        run(store.queue.claim(TENANT, "w", 10, LATER))
    run(store.queue.heartbeat(DEAD_AFTER))
    assert [d.id for d in run(store.queue.claim(TENANT, "w", 10, LATER))] == ["d-e1"]
    run(store.queue.heartbeat(DEAD_AFTER))
    assert broken.claimed_by_other() == []


def test_what_is_under_way_is_not_cancelled(store: OnPostgres) -> None:
    store.accept("e1", lease=True)
    store.accept("e2")
    store.run(store.book.delete_webhook(TENANT, "w", 5, store.version()))
    assert [store.run(store.queue.cancel(TENANT, "w", 10, 60)) for _ in range(2)] == [1, 0]
    assert store.run(store.queue.size(TENANT)) == 1


# Silent processes


def test_nobody_is_buried_in_the_first_beat_after_a_pause(store: OnPostgres) -> None:
    other = store.other_process("process-2")
    for queue in (store.queue, other, store.queue, other):
        store.run(queue.heartbeat(DEAD_AFTER))
    store.accept("e1")
    assert len(store.run(other.claim(TENANT, "w", 1, LATER))) == 1
    store.pass_time(60_000)  # the database was away: everybody was silent
    assert store.run(store.queue.heartbeat(DEAD_AFTER)).released == 0
    pulse = store.run(other.heartbeat(DEAD_AFTER))
    assert (pulse.lost, pulse.released) == (False, 0)
    store.run(store.queue.heartbeat(DEAD_AFTER))
    assert store.run(store.queue.claim(TENANT, "w", 1, LATER)) == []


def test_a_new_process_buries_nobody_at_first(store: OnPostgres) -> None:
    store.run(store.queue.heartbeat(DEAD_AFTER))
    store.accept("e1", lease=True)
    store.pass_time(60_000)
    other = store.other_process("process-2")
    assert store.run(other.heartbeat(DEAD_AFTER)).released == 0
    assert store.run(other.heartbeat(DEAD_AFTER)).released == 1
    assert store.run(store.queue.heartbeat(DEAD_AFTER)).lost


def test_what_the_dead_held_is_released_piece_by_piece(store: OnPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it is, no statement takes so long that it is given up, and no beat is late."""
    monkeypatch.setattr(nodes, "RELEASED", 2)
    monkeypatch.setattr(queue_module, "RELEASED", 2)
    other = store.other_process("process-2")
    for _ in range(2):
        store.run(other.heartbeat(DEAD_AFTER))
    store.run(store.queue.heartbeat(DEAD_AFTER))
    store.accept("e1", "e2", "e3", "e4", "e5", lease=True)
    execute(store, "UPDATE node SET seen = seen - 60000 WHERE incarnation = 'process-1'")
    pulse = store.run(other.heartbeat(DEAD_AFTER))
    assert (pulse.released, pulse.unfinished) == (2, True)
    assert store.run(store.queue.heartbeat(DEAD_AFTER)).lost  # it comes back in between
    assert store.run(other.heartbeat(DEAD_AFTER)).released == 0
    assert store.run(store.queue.release()) == 3
    assert len(store.run(other.claim(TENANT, "w", 10, LATER))) == 5


def test_leases_are_renewed_when_nothing_can_be_taken_over(
    store: OnPostgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = store.other_process("process-2")
    for _ in range(2):
        store.run(other.heartbeat(DEAD_AFTER))
    store.accept("e1", lease=True)
    store.pass_time(60_000)
    store.run(other.heartbeat(DEAD_AFTER))  # the first after a pause
    ends_itself = "SELECT pg_cancel_backend(pg_backend_pid()), $1::text[], $2::text[], $3::integer"
    with monkeypatch.context() as patch:
        patch.setitem(NODE, "release_orphans", ends_itself)
        pulse = store.run(other.heartbeat(DEAD_AFTER))
    assert (pulse.released, pulse.unfinished, pulse.lost) == (0, False, False)
    assert "nothing is taken over" in caplog.text
    assert store.run(other.heartbeat(DEAD_AFTER)).released == 1


def test_a_take_over_that_waits_is_given_up_before_our_own_leases_end(store: OnPostgres) -> None:
    other = store.other_process("process-2")
    for _ in range(2):
        store.run(other.heartbeat(DEAD_AFTER))
    store.accept("e1", lease=True)
    store.pass_time(60_000)
    store.run(other.heartbeat(DEAD_AFTER))  # the first after a pause

    async def beat_beside_a_lock() -> tuple[Pulse, float]:
        async def locked(connection: Any) -> tuple[Pulse, float]:
            await connection.execute("SELECT 1 FROM queue FOR UPDATE")
            began = asyncio.get_running_loop().time()
            return await other.heartbeat(DEAD_AFTER), asyncio.get_running_loop().time() - began

        return await store.database._writers.in_transaction(locked)

    pulse, took = store.run(beat_beside_a_lock())
    assert (pulse.released, pulse.lost) == (0, False)
    # The next beat begins a rest later and may take as long: both are over before the lease is.
    assert 2 * took + BEAT_S < BEAT_S * BEATS_UNTIL_DEAD * SURE
    assert store.run(other.heartbeat(DEAD_AFTER)).released == 1


def test_whoever_was_buried_knows_once(store: OnPostgres) -> None:
    other = store.other_process("process-2")
    for _ in range(2):
        store.run(other.heartbeat(DEAD_AFTER))
    assert not store.run(store.queue.heartbeat(DEAD_AFTER)).lost
    execute(store, "UPDATE node SET seen = seen - 60000 WHERE incarnation = 'process-1'")
    assert store.run(other.heartbeat(DEAD_AFTER)).peers == ("process-2",)
    assert store.run(store.queue.heartbeat(DEAD_AFTER)).lost
    pulse = store.run(store.queue.heartbeat(DEAD_AFTER))
    assert (pulse.lost, pulse.peers) == (False, ("process-1", "process-2"))


# Faults planted in the statements: the conformance suite has to find each

ANY_LEASE = " AND $1::text IS NOT NULL"
NO_FENCE = [(" AND q.lease = $1", ANY_LEASE), (" AND NOT q.lease IS DISTINCT FROM $1", ANY_LEASE)]
Fault = tuple[dict[str, str], str, list[tuple[str, str]], Callable[[Any], None]]
FAULTS: list[Fault] = [
    (SQL, "settle", NO_FENCE,
     test_store.test_who_lost_the_lease_changes_nothing),
    (SQL, "release", NO_FENCE,
     test_store.test_who_lost_the_lease_changes_nothing),
    (SQL, "claim", [(" AND q.lease IS NULL", "")], test_store.test_claims_are_due_first_and_never_twice),
    (SQL, "claim", [(" AND w.active", "")], test_store.test_backlogs_name_each_enabled_webhook_once),
    (SQL, "promote", [("ORDER BY q.place", "ORDER BY q.place DESC")],
     lambda store: test_order.test_the_next_is_promoted_when_the_one_before_ends(store, Line.DELIVERED)),
    (SQL, "cancel", [(" AND q.lease IS NULL", "")], test_what_is_under_way_is_not_cancelled),
    (NODE, "orphaned", [("WHERE NOT EXISTS", "WHERE false AND NOT EXISTS")],
     test_store.test_a_silent_process_loses_its_leases),
    (NODE, "bury", [("seen NOT BETWEEN now_ms() - $1 AND now_ms() + $1", "seen < now_ms() - $1 - 60000")],
     test_store.test_a_silent_process_loses_its_leases),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[1]}-{len(fault[2])}")
def test_a_fault_planted_in_a_statement_is_found(
    store: OnPostgres, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    queries, name, changes, check = fault
    statement = queries[name]
    for before, after in changes:
        assert before in statement
        statement = statement.replace(before, after)
    monkeypatch.setitem(queries, name, statement)
    with pytest.raises(AssertionError):
        check(store)
