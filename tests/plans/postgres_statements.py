"""The statements of the PostgreSQL store with the parameters they are measured with (`million_postgres.sql`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from outrider.domain.clock import DAY
from plans.million_postgres import ROWS, Facts
from plans.statements import DDL, LOCK, SETTING, WHOLE, Argued, Entry, Measured

MANY = 100
MIDDLE = ROWS // 2
NEVER = 1 << 62
ALL_ONCE = Argued("reads everything of a small table, once when the process starts")
CATALOGUE = Argued("reads the server's catalogue or statistics, no table of ours")
Given = Callable[[Facts, str], Iterable[tuple[Any, ...]]]


def fixed(*given: tuple[Any, ...]) -> Given:
    """The same parameters whoever the tenant is."""
    return lambda _, __: given


def of_tenant(*rest: Any) -> Given:
    """The tenant, and then the rest."""
    return lambda _, tenant: [(tenant, *rest)]


def _arrays(*rest: Any, first: tuple[Any, ...] = ()) -> Given:
    """The tenant and each value MANY times."""
    return lambda _, tenant: [(*first, [tenant] * MANY, *([value] * MANY for value in rest))]


def _numbers(start: int = MIDDLE, step: int = 1) -> range:
    return range(start, start + MANY * step, step)


def _events(*rest: Any) -> Measured:
    """The newest page, one in the middle, and a span that is empty."""

    def make(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
        spans = (
            (NEVER, facts.place(ROWS) - (DAY << 20)),
            (facts.place(MIDDLE), facts.place(MIDDLE) - (DAY << 20)),
            (facts.place(MIDDLE), 0),
            (NEVER, facts.place(2 * ROWS)),
        )
        return [(tenant, top, bottom, MANY, *rest) for top, bottom in spans]

    return Measured(make)


def _deliveries(*rest: Any, states: bool = False, page: int = MANY, asked: int = 1) -> Measured:
    def make(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
        spans = (
            ("g", facts.delivery(ROWS - 50_000)),
            (facts.delivery(MIDDLE), facts.delivery(MIDDLE - 50_000)),
            (facts.delivery(MIDDLE), ""),
            ("g", facts.delivery(2 * ROWS)),
        )
        values = [value(facts) if callable(value) else value for value in rest]
        for top, bottom in spans:
            for state in (None, "delivered", "exhausted", "cancelled") if states else ("",):
                yield (tenant, top, bottom, 0, NEVER, page, *values, *([state] if states else []))

    return Measured(make, asked=asked)


def _spanned(facts: Facts, n: int) -> tuple[str, str]:
    return facts.delivery(n - 50_000), facts.delivery(n + 50_000)


def _look(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    return [([tenant], [tenant] * MANY, [facts.event(n) for n in _numbers()], MANY)]


def _accept(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    """Ten events, a delivery of each and a skip."""
    many, ids = 10, [facts.fresh(n) for n in range(10)]
    places = [facts.place(ROWS) + n + 1 for n in range(many)]
    at = [facts.now] * many
    none: list[Any] = [None] * many
    events = (
        [tenant] * many,
        ids,
        places,
        at,
        [b"f"] * many,
        ["Login"] * many,
        none,
        none,
        at,
        [b""] * many,
        [1] * many,
    )
    owed = (
        [tenant] * many,
        ids,
        ["w01"] * many,
        ids,
        places,
        at,
        ["Login"] * many,
        none,
        at,
        none,
        none,
        [False] * many,
    )
    return [(*events, *owed, [tenant], [facts.now], [ids[0]], ["bulk"], [""], facts.now, 0)]


def _owe(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    numbers, none = list(_numbers()), [None] * MANY
    own = ([tenant] * MANY, [facts.fresh(n) for n in numbers], ["w01"] * MANY, [facts.event(n) for n in numbers])
    rest = ([facts.now] * MANY, none, none, [False] * MANY, facts.place(MIDDLE), facts.place(MIDDLE + MANY))
    return [(*own, *rest, facts.now, 0)]


def _settle(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    """The newest deliveries, of which this process holds some."""
    ids = [facts.delivery(n, waiting=True) for n in _numbers(ROWS - 8_000, 80)]
    steps = ([n % 2 == 0 for n in range(MANY)], [1] * MANY, [1] * MANY, [200] * MANY, ["r"] * MANY)
    return [("me", [tenant] * MANY, ids, *steps, [facts.now] * MANY, ["attempted"] * MANY, [b""] * MANY)]


def _failures(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    return [(tenant, "failing", place, NEVER, *_spanned(facts, MIDDLE), MANY) for place in (0, ROWS // 2)]


def _past(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    """A stretch looks at $4 events, whatever it selects of them."""
    for start in (0, MIDDLE):
        place, upto = facts.place(start), facts.place(start) + (8 * DAY << 20)
        ids = facts.delivery(start - 50_000), facts.delivery(start + 600_000)
        for types, subject in ((None, None), (["RareType"], None), (None, "none")):
            yield tenant, place, upto, 4 * MANY, types, subject, DAY, MANY, *ids


def _days(facts: Facts) -> list[tuple[int, int]]:
    return [
        (facts.place(MIDDLE), facts.place(MIDDLE) + (8 * DAY << 20)),
        (0, facts.place(1)),
        (facts.place(ROWS), NEVER),
    ]


def _old_ids(facts: Facts, tenant: str) -> Iterable[tuple[Any, ...]]:
    """A day, from its beginning and from where it comes to, and one without events."""
    day = facts.at(MIDDLE) // DAY * DAY
    for begin, after in (
        (day << 20, ("", 0)),
        (day << 20, (tenant, facts.place(MIDDLE))),
        (day - 25 * DAY << 20, ("", 0)),
    ):
        yield *after, begin, begin + (DAY << 20)


BOOK: dict[str, Entry] = {
    "tenants": ALL_ONCE,
    "tenant": Measured(of_tenant()),
    "insert_tenant": Measured(fixed(("new", "new", b""))),
    "lock_first": LOCK,
    "insert_first": Measured(fixed(("new", "new", b""))),
    "save_tenant": Measured(of_tenant(b"")),
    "raise_version": Measured(of_tenant(None)),
    "save_webhook": Measured(of_tenant("w01", "n", True, b"", True)),
    "keep_webhook": Measured(of_tenant("w01", 9_999, b"", True)),
    "takes_sealed": SETTING,
    "unsealed": Measured(fixed((100,))),
    "unsealed_past": Measured(fixed((100,))),
    "seal": Measured(fixed((b"", "big", "w01", b"x"), (b"", "big", "none", b"x"))),
    "seal_past": Measured(fixed((b"", "big", "w01", b"x", 1), (b"", "big", "none", b"x", 1))),
    "delete_webhook": Measured(of_tenant("w01", 1)),
    "save_secret": Measured(fixed(("t1", "s1", "n", b""), ("big", "new", "n", b""))),
    "delete_secret": Measured(fixed(("t1", "s1"), ("big", "none"))),
    "save_key": Measured(fixed(("t1", "k1", b""), ("big", "new", b""))),
    "delete_key": Measured(fixed(("t1", "k1"), ("big", "none"))),
    "data_keys": ALL_ONCE,
    "add_data_key": Measured(fixed((9, "w"))),
}
DAYS: dict[str, Entry] = {"oldest": CATALOGUE}
JOBS: dict[str, Entry] = {
    "insert_job": Measured(of_tenant("new", "running", 0, b"")),
    "advance_job": Measured(of_tenant("j101", 101, "running", 102, b"")),
    "job": Measured(of_tenant("j500")),
    "locked_job": Measured(of_tenant("j500")),
    "jobs": Measured(of_tenant("zzz", MANY)),
    "running": Measured(fixed(())),
    "hasten": Measured(
        lambda facts, tenant: [(tenant, facts.delivery(MIDDLE, waiting=True), 0), (tenant, "none", 0)]
    ),
}
ONE_EVENT = "the lines or deliveries of one event"
LEDGER: dict[str, Entry] = {
    "events": _events(),
    "events_by_type": _events("Login"),
    "events_by_subject": _events("everybody", None),
    "event_place": Measured(lambda facts, tenant: [(tenant, facts.event(n)) for n in (MIDDLE, 9, 2 * ROWS)]),
    "event": Measured(lambda facts, tenant: [(tenant, facts.place(n)) for n in (MIDDLE, 9, 2 * ROWS)]),
    "skips": Measured(
        lambda facts, tenant: [(tenant, facts.event(n), *_spanned(facts, n)) for n in (MIDDLE + 7, MIDDLE, ROWS)],
        sorts=ONE_EVENT,
    ),
    "waiting": _deliveries(),
    "waiting_by_event": _deliveries(lambda facts: facts.event(MIDDLE), None, None, None),
    "waiting_by_subject": _deliveries("everybody", None, None),
    "waiting_by_webhook": _deliveries("common"),
    "waiting_by_type": _deliveries("Login"),
    "waiting_by_webhook_and_type": _deliveries("common", "Login"),
    # With some that are quarantined, and counted, in test_postgres.py.
    "quarantined": _deliveries(None, None, None, None),
    "ended": _deliveries(states=True),
    "ended_by_webhook": _deliveries("common", states=True),
    "ended_by_type": _deliveries("Login", states=True),
    "ended_by_webhook_and_type": _deliveries("common", "Login", states=True),
    "ended_by_subject": _deliveries("everybody", None, None, states=True),
    "ended_by_event": _deliveries(lambda facts: facts.event(MIDDLE), None, None, None, states=True),
    "waiting_ahead": _deliveries(None, None, None, None),
    "ended_ahead": _deliveries(None, None, None, None, states=True),
    "delivery": Measured(
        lambda facts, tenant: [
            *((tenant, facts.delivery(n)) for n in (MIDDLE, MIDDLE + 9, 13, ROWS, 2 * ROWS)),
            (tenant, facts.delivery(MIDDLE, waiting=True)),
        ]
    ),
    "lines": Measured(
        lambda facts, tenant: [(tenant, facts.delivery(n)) for n in (MIDDLE, MIDDLE + 9, 13, ROWS, 2 * ROWS)],
        sorts="the lines of one delivery",
    ),
    "webhooks_then": Measured(of_tenant(20)),
    "held_behind": Measured(
        lambda facts, tenant: [(tenant, facts.delivery(n, waiting=True)) for n in (MIDDLE, 18)]
    ),
    "healths": Measured(of_tenant()),
}
MIGRATE: dict[str, Entry] = {
    "patience": SETTING,
    "lock": LOCK,
    "haste": SETTING,
    "make_table": DDL,
    "applied": ALL_ONCE,
    "known_by_all": Argued("reads the processes there are, once an hour while a migration waits"),
    "note": Argued("notes one migration, while the store is brought up to date"),
}
NODE: dict[str, Entry] = {
    "server": SETTING,
    "join": Measured(fixed(("new", "{}"))),
    "beat": Measured(fixed(("me", True, "{}", 1))),
    "peers": Argued("reads the processes there are: few, and all of them are returned"),
    "one_housekeeper": LOCK,
    "keep_anchor": Measured(fixed((1, 1, None, None), (2, 2, 1, 1))),
    "begin_trial": Measured(fixed(("me", "{}"))),
    "end_trial": Measured(fixed(("me",))),
    "bury": Argued("reads the processes there are: few"),
    "orphaned": Measured(fixed(())),
    "release_orphans": Measured(fixed((["big", "middle"], ["dead", "dead"], MANY))),
    "leave": Measured(fixed(("me",))),
    "nodes": Argued("reads the processes there are: few, and all of them are returned"),
    "notify": SETTING,
    "changed_tenants": Measured(fixed((2,))),
    "foreign_healths": Measured(fixed((990, "me"))),
    "now": SETTING,
}
OBJECTS: dict[str, Entry] = {
    "records": Measured(of_tenant("u1", "o"), sorts="the records of one user and object, at most MOST_RECORDS"),
    "record": Measured(of_tenant("u1", "o", "r1")),
    "lock_user": LOCK,
    "count": Measured(of_tenant("u1", "o"), asked=10),
    "insert": Measured(of_tenant("u1", "o", "new", b"", 1, 1, 1)),
    "update": Measured(of_tenant("u1", "o", "r1", b"", 1, 2)),
    "delete": Measured(of_tenant("u1", "o", "r1", 1)),
}
PAST: dict[str, Entry] = {
    "first_event": Measured(lambda facts, tenant: [(tenant, *span) for span in _days(facts)]),
    "last_event": Measured(lambda facts, tenant: [(tenant, *span) for span in _days(facts)]),
    "last_line": SETTING,
    "events": Measured(_past, asked=4 * MANY),
    "event_reached": Measured(
        lambda facts, tenant: [(tenant, *span, MANY - 1) for span in _days(facts)], asked=MANY
    ),
    "exhausted": Measured(_failures),
    "waiting_events": Measured(
        lambda facts, tenant: [(tenant, [facts.event(n) for n in _numbers()], "w01")], asked=MANY
    ),
    "known_events": Measured(
        lambda facts, tenant: [(tenant, [facts.event(n) for n in _numbers()], "common", *_spanned(facts, MIDDLE))],
        asked=MANY,
    ),
    "event_places": Measured(lambda facts, tenant: [(tenant, [facts.event(n) for n in _numbers()])], asked=MANY),
    "events_at": Measured(
        lambda facts, tenant: [
            (tenant, [facts.place(n) for n in _numbers()], facts.place(MIDDLE), facts.place(MIDDLE + MANY))
        ],
        asked=MANY,
    ),
}
QUEUE: dict[str, Entry] = {
    "look": Measured(_look, asked=MANY),
    "accept": Measured(_accept, asked=10),
    "owing": LOCK,
    "places": Measured(lambda facts, tenant: [([tenant] * MANY, [facts.event(n) for n in _numbers()])], asked=MANY),
    "owe": Measured(_owe, asked=MANY),
    "lock_keys": LOCK,
    "behind": Measured(
        lambda _, tenant: [([tenant] * MANY, ["w05"] * MANY, [f"key {n}" for n in range(MANY)])], asked=MANY
    ),
    "settle": Measured(_settle, asked=MANY),
    "promote": Measured(
        lambda _, tenant: [("me", [tenant] * MANY, ["w05"] * MANY, [f"key {n}" for n in range(MANY)])],
        asked=MANY,
        sorts="the deliveries it leases, one for each order key",
    ),
    "save_health": Measured(fixed(("me", ["t1", "big"], ["w1", "w01"], [b"", b""])), asked=2),
    "webhook_document": Measured(of_tenant("w01")),
    "backlogs": Measured(fixed(()), asked=2 * 30),
    "backlogs_from": Measured(
        fixed((["big", "t1"], ["common", "w1"], [0, 0])), asked=1_100, scans="every webhook: a seek for each"
    ),
    "claim": Measured(
        lambda _, tenant: [
            ("me", tenant, webhook, NEVER, MANY, 0) for webhook in ("common", "w05", "rare", "none")
        ],
        sorts="the deliveries it leases",
    ),
    "bodies": Measured(
        lambda facts, tenant: [
            ([tenant] * MANY, [facts.place(n) for n in _numbers()], facts.place(MIDDLE), facts.place(MIDDLE + MANY))
        ],
        asked=MANY,
    ),
    "release": Measured(
        lambda facts, tenant: [
            ("me", [tenant] * MANY, [facts.delivery(n, waiting=True) for n in _numbers(ROWS - 8_000, 80)])
        ],
        asked=MANY,
    ),
    "release_all": Measured(fixed(("me", MANY))),
    "deleted_webhooks": Measured(fixed(())),
    "cancel": Measured(lambda facts, tenant: [(tenant, webhook, MANY, facts.now) for webhook in ("w20", "none")]),
    "healths": ALL_ONCE,
    "newest": Measured(fixed(()), asked=10),
    "quarantined": Measured(of_tenant(), asked=2 * MANY),  # as many as test_postgres.py has quarantined before
    "size": Argued("counts what a tenant is owed, in an index, when somebody looks at the condition of the system"),
}
UPKEEP: dict[str, Entry] = {
    "add_day": DDL,
    "oldest_snapshot": CATALOGUE,
    "stray": Measured(fixed((MANY,)), asked=MANY),
    "days_before": CATALOGUE,
    "stop_owing": LOCK,
    "drop_day": DDL,
    "oldest_owed": Measured(fixed(())),
    "forget_ids": Measured(_old_ids),
    "forget_stray_events": Measured(fixed((NEVER,), (0,))),
    "forget_stray_lines": Measured(fixed((NEVER,), (0,))),
}
_COPIED = (
    "data_key", "tenant", "webhook", "webhook_past", "secret", "api_key", "event", "ledger", "queue", "health",
    "job", "custom_object",
)  # fmt: skip
CONTENTS: dict[str, Entry] = {
    **{f"{verb}_{table}": WHOLE for verb in ("count", "read", "write") for table in _COPIED},
    **dict.fromkeys(
        ("begin_part", "progress", "advance", "analyze", "not_empty", "mark", "last_line", "running_jobs",
         "set_last_line", "out_of_turn"),
        WHOLE,
    ),
    "alive": Argued("reads the processes there are: few"),
    "migrated": CATALOGUE,
    "unfinished": CATALOGUE,
    "make_progress": DDL,
    "drop_progress": DDL,
}  # fmt: skip
STATEMENTS: dict[str, dict[str, Entry]] = {
    "book.sql": BOOK,
    "contents.sql": CONTENTS,
    "days.sql": DAYS,
    "jobs.sql": JOBS,
    "ledger.sql": LEDGER,
    "migrate.sql": MIGRATE,
    "node.sql": NODE,
    "objects.sql": OBJECTS,
    "past.sql": PAST,
    "queue.sql": QUEUE,
    "upkeep.sql": UPKEEP,
}
