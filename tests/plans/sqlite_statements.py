"""The statements of the SQLite store with the parameters they are measured with (`million_sqlite.py`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from plans.million_sqlite import LATER, ROWS, THOUSAND, delivery, instant
from plans.statements import DDL, SETTING, WHOLE, Argued, Entry, Measured

MANY = 100
MIDDLE = ROWS // 2
NEVER = 1 << 62
IDS = json.dumps([delivery(n, waiting=True) for n in range(MIDDLE, MIDDLE + MANY)])
EVENTS = json.dumps([f"e{n}" for n in range(MIDDLE, MIDDLE + MANY)])
PLACES = json.dumps(list(range(MIDDLE, MIDDLE + MANY)))
ALL_ONCE = Argued("reads everything of a small table, once when the process starts")


def fixed(*given: Any) -> Callable[[str], Iterable[Any]]:
    """The same parameters whoever the tenant is."""
    return lambda _: given


def of_tenant(*rest: Any) -> Callable[[str], Iterable[Any]]:
    """The tenant, and then the rest."""
    return lambda tenant: [(tenant, *rest)]


def _own_webhook(webhook: str) -> Callable[[str], Iterable[Any]]:
    """The ids of webhooks are nobody else's."""
    return lambda tenant: [(tenant, webhook if tenant == "a" else f"{webhook} of {tenant}", MANY)]


def _events(**given: str) -> Measured:
    """The newest page, one in the middle, and a span that is empty."""
    places = (
        {"before_at": NEVER, "before": 0, "since": 0},
        {"before_at": instant(MIDDLE), "before": MIDDLE, "since": 0},
        {"before_at": instant(MIDDLE), "before": 0, "since": instant(MIDDLE - 30)},
        {"before_at": NEVER, "before": 0, "since": LATER},
    )
    values = {"type": None, "subject": None, "limit": MANY}
    return Measured(lambda tenant: [{"tenant": tenant} | values | given | place for place in places])


def _deliveries(*, sorts: str = "", lines: bool = False, **given: str) -> Measured:
    spans = (
        {"top": "g", "bottom": "", "since": 0, "until": NEVER},
        {"top": delivery(MIDDLE), "bottom": "", "since": 0, "until": NEVER},
        {"top": delivery(MIDDLE), "bottom": delivery(MIDDLE - 30), "since": instant(MIDDLE - 30), "until": NEVER},
        {"top": "g", "bottom": delivery(ROWS + 1), "since": 0, "until": NEVER},
    )
    values = {"type": None, "subject": None, "webhook": None, "event": None} | given
    kinds = ("delivered", "exhausted", "cancelled") if lines else ("",)

    def make(tenant: str) -> Iterable[dict[str, Any]]:
        for span in spans:
            for line in kinds:
                yield {"tenant": tenant, "line": line} | values | span

    return Measured(make, sorts=sorts)


def _past(*types: str | None, webhook: str | None = None, **given: Any) -> Measured:
    """From the beginning, from the middle and from the end; of a type that is common, rare or absent."""

    def make(tenant: str) -> Iterable[dict[str, Any]]:
        values = {"tenant": tenant, "until": NEVER, "end": ROWS, "events": None, "subject": None} | given
        for at, place in ((0, 0), (instant(MIDDLE), MIDDLE), (instant(ROWS), 2 * ROWS)):
            for kind in types or (None,):
                for hook in {webhook, given.get("webhook")}:
                    yield values | {"at": at, "place": place, "type": kind, "webhook": hook}

    return Measured(make)


ONE_EVENT = "the deliveries of one event"
BOOK: dict[str, Entry] = {
    "tenants": ALL_ONCE,
    "tenant": Measured(of_tenant()),
    "webhooks": Measured(of_tenant()),
    "secrets": Measured(of_tenant()),
    "keys": Measured(of_tenant()),
    "insert_tenant": Measured(fixed(("new", "new", b""))),
    "insert_first": Measured(fixed(("new", "new", b""))),
    "save_tenant": Measured(lambda tenant: [(b"", tenant)]),
    "raise_version": Measured(of_tenant()),
    "save_webhook": Measured(fixed(("w1", "a", "n", "", 1, b"", 1), ("new", "a", "new", "", 1, b"", 1))),
    "keep_webhook": Measured(of_tenant("w1", b"", 1)),
    "unsealed": Measured(fixed((100,))),
    "unsealed_past": Measured(fixed((100,))),
    "seal": Measured(fixed((b"", "w1", b"x"), (b"", "none", b"x"))),
    "seal_past": Measured(fixed((b"", "w1", b"x", 1), (b"", "none", b"x", 1))),
    "owe_wiping": Measured(fixed(())),
    "owes_wiping": Argued("the table has one row at most"),
    "wiped": Argued("the table has one row at most"),
    "delete_webhook": Measured(fixed((1, "a", "w1"), (1, "a", "none"))),
    "save_secret": Measured(fixed(("st1", "t1", "n", b""), ("new", "a", "n", b""))),
    "delete_secret": Measured(fixed(("t1", "st1"), ("a", "none"))),
    "save_key": Measured(fixed(("kt1", "t1", b""), ("new", "a", b""))),
    "delete_key": Measured(fixed(("t1", "kt1"), ("a", "none"))),
    "data_keys": ALL_ONCE,
    "add_data_key": Measured(fixed((9, "w"))),
}
JOBS: dict[str, Entry] = {
    "past": _past(),
    "past_by_type": _past("Type1", "Rare", "None", webhook="w1"),
    "past_by_subject": _past(subject="s-many", webhook="w1"),
    "past_failures": _past(webhook="w7"),
    "first_event": Measured(lambda t: [{"tenant": t, "since": at} for at in (0, instant(MIDDLE), LATER)]),
    "first_failure": Measured(
        lambda t: [{"tenant": t, "since": at, "webhook": "w7"} for at in (0, instant(MIDDLE), LATER)]
    ),
    "last_event": Measured(fixed(())),
    "last_line": Measured(fixed(())),
    "event_instant": Measured(fixed((MIDDLE,), (0,), (2 * ROWS,))),
    "line_instant": Measured(fixed((MIDDLE,), (0,), (2 * ROWS,))),
    "insert_job": Measured(lambda tenant: [("new", tenant, "running", 0, b"")]),
    "advance_job": Measured(fixed(("running", 2, b"", "j101", 101))),
    "job": Measured(of_tenant("j500")),
    "jobs": Measured(of_tenant("zzz", MANY)),
    "running": Measured(fixed(())),
    "hasten": Measured(lambda tenant: [(0, tenant, delivery(MIDDLE + 1, waiting=True)), (0, tenant, "none")]),
    "is_stored": Measured(of_tenant(f"e{MIDDLE}")),
}
LEDGER: dict[str, Entry] = {
    "events": _events(),
    "events_by_type": _events(type="Type1"),
    "events_by_subject": _events(subject="s-many"),
    "accepted_at": Measured(of_tenant(MIDDLE)),
    "event": Measured(of_tenant(f"e{MIDDLE}")),
    "skips": Measured(lambda tenant: [(tenant, "e511"), (tenant, "e512"), (tenant, "none")]),
    "waiting": _deliveries(),
    "waiting_by_webhook": _deliveries(webhook="w3"),
    "waiting_by_webhook_and_type": _deliveries(webhook="w3", type="Type3"),
    "waiting_by_type": _deliveries(type="Type1"),
    # Other values beside a subject, which are passed over in its index, are in test_sqlite.py.
    "waiting_by_subject": _deliveries(subject="s-many"),
    "leased_by_subject": _deliveries(subject="s-many"),
    "waiting_by_event": _deliveries(event="e777", sorts=ONE_EVENT),
    "waiting_ahead": _deliveries(webhook="w3"),
    # With some that are quarantined, and counted, in test_sqlite.py.
    "quarantined": _deliveries(webhook="w3"),
    "ended": _deliveries(lines=True),
    "ended_by_webhook": _deliveries(webhook="w7", lines=True),
    "ended_by_webhook_and_type": _deliveries(webhook="w7", type="Type2", lines=True),
    "ended_by_type": _deliveries(type="Type1", lines=True),
    "ended_by_subject": _deliveries(subject="s-many", lines=True),
    "ended_by_event": _deliveries(event="e777", sorts=ONE_EVENT, lines=True),
    "ended_ahead": _deliveries(webhook="w3", lines=True),
    "waiting_one": Measured(lambda t: [(t, delivery(n, waiting=True)) for n in (20, MIDDLE, MIDDLE + 1)]),
    "ended_one": Measured(lambda t: [(t, delivery(n)) for n in (20, 7, MIDDLE, MIDDLE + 1, ROWS, 2 * ROWS)]),
    "lines": Measured(lambda t: [(t, delivery(n)) for n in (20, 7, MIDDLE, MIDDLE + 1, ROWS, 2 * ROWS)]),
    "healths": Measured(of_tenant()),
    "webhooks_then": Measured(of_tenant(f"e{MIDDLE + 1}")),
    "held_behind": Measured(lambda t: [(t, delivery(n, waiting=True)) for n in (MIDDLE + 5, MIDDLE + 6, 20)]),
}
OBJECTS: dict[str, Entry] = {
    "records": Measured(of_tenant("u1", "o"), sorts="the records of one user and object, at most MOST_RECORDS"),
    "record": Measured(of_tenant("u1", "o", "r1")),
    "count_records": Measured(of_tenant("u1", "o"), asked=THOUSAND // 100),
    "insert_record": Measured(lambda tenant: [("new", tenant, "u1", "o", b"", 1, 1, 1)]),
    "update_record": Measured(lambda tenant: [(b"", 1, 2, tenant, "u1", "o", "r1", 1)]),
    "delete_record": Measured(of_tenant("u1", "o", "r1", 1)),
}
PRAGMAS: dict[str, Entry] = dict.fromkeys(
    ("journal", "durable", "is_durable", "keys", "cache", "temporary", "version"), SETTING
) | {
    "check": Argued("reads a backup from end to end, in a process of its own"),
    "write_anew": Argued("copies the whole file, once, before it is served"),
    "origin": Argued("reads the names of tables and indexes, when the file is opened"),
}
QUEUE: dict[str, Entry] = {
    "tenant_version": Measured(of_tenant()),
    "fingerprints": Measured(of_tenant(EVENTS), asked=MANY),
    "insert_event": Measured(fixed(("a", "new", "Type1", "s1", None, 1, 1, b"", b"", 1))),
    "insert_delivery": Measured(fixed(("new", "a", "w1", "e1", "Type1", "s1", 0, 1, 1, None, None, None, 0))),
    "is_behind": Measured(fixed(("w5", "key1"), ("w6", "one"), ("w1", "none"))),
    "promote": Measured(fixed(("process", "w5", "key1"), ("process", "w6", "one"), ("process", "w1", "none"))),
    "insert_skip": Measured(fixed(("a", 1, "e1", "bulk", ""))),
    "insert_line": Measured(
        fixed(("a", 1, "delivered", "e1", "r", "d", "w1", "n", "Type1", "s1", 1, None, 1, 200, b""))
    ),
    "webhook_names": Measured(fixed(('["w1", "w2", "none"]',)), asked=3),
    "backlogs": Measured(fixed(()), asked=11),
    "claim": Measured(
        lambda tenant: [("process", tenant, webhook, LATER, MANY) for webhook in ("w3", "w5", "w6", "none")]
    ),
    "leased": Measured(fixed((IDS, "process")), asked=MANY),
    "end_deliveries": Measured(fixed((IDS,)), asked=MANY),
    "postpone_delivery": Measured(fixed((1, 1, 500, "r", delivery(MIDDLE, waiting=True)))),
    "leave_order": Measured(fixed((delivery(MIDDLE, waiting=True),))),
    "release_one": Measured(fixed((delivery(ROWS, waiting=True), "process"))),
    "release_all": Measured(fixed(("process",))),
    "beat": Measured(fixed(("process", 1))),
    "anchor": Measured(fixed(()), scans="a table of one row"),
    "keep_anchor": Measured(fixed((1, 1))),
    "begin_trial": Measured(fixed(("trial",))),
    "end_trial": Measured(fixed(("trial",), ("process",))),
    "bury": Measured(fixed((1,)), scans="the processes, of which there is one"),
    "release_orphans": Measured(fixed(())),
    "forget_others": Measured(fixed(("process",)), scans="the processes, of which there is one"),
    "deleted_webhooks": Measured(fixed(())),
    "cancel": Measured(_own_webhook("w3")),
    "cancel_held": Measured(_own_webhook("w6")),
    "save_health": Measured(fixed(("wt1", "t1", b""), ("new", "a", b""))),
    "healths": ALL_ONCE,
    "newest": Measured(fixed(())),
    "webhook_document": Measured(fixed(("w1",), ("none",))),
    "quarantined": Measured(of_tenant()),
    "size": Argued("counts what a tenant is owed, in an index, when somebody looks at the condition of the system"),
}
UPKEEP: dict[str, Entry] = {
    "tenants": Argued("reads everything of a small table, once an hour"),
    "old_events": Measured(
        lambda _: [
            {"tenant": number, "at": at, "place": place, "oldest": oldest, "limit": MANY}
            for number in (1, 2, 3, 4)
            for at, place in ((-1, 0), (instant(MIDDLE), MIDDLE))
            for oldest in (0, instant(10), LATER)
        ]
    ),
    "drop_events": Measured(fixed((PLACES,)), asked=MANY),
    "next_lines": Measured(
        fixed(*({"place": place, "limit": MANY, "oldest": LATER} for place in (0, MIDDLE, 2 * ROWS)))
    ),
    "drop_lines": Measured(fixed((PLACES,)), asked=MANY),
    "nodes": Measured(fixed(()), scans="the processes, of which there is one"),
}
_COPIED = (
    "data_key", "tenant", "webhook", "webhook_past", "secret", "api_key", "event", "ledger", "queue", "health",
    "job", "custom_object",
)  # fmt: skip
CONTENTS: dict[str, Entry] = {
    **{f"{verb}_{table}": WHOLE for verb in ("count", "read", "write") for table in _COPIED},
    **dict.fromkeys(
        ("unfinished", "begin_part", "progress", "advance", "not_empty", "mark", "last_line", "forget_last_line",
         "set_last_line", "running_jobs"),
        WHOLE,
    ),
    "look_only": SETTING,
    "make_progress": DDL,
    "drop_progress": DDL,
}  # fmt: skip
STATEMENTS: dict[str, dict[str, Entry]] = {
    "book.sql": BOOK,
    "contents.sql": CONTENTS,
    "jobs.sql": JOBS,
    "ledger.sql": LEDGER,
    "objects.sql": OBJECTS,
    "pragmas.sql": PRAGMAS,
    "queue.sql": QUEUE,
    "upkeep.sql": UPKEEP,
}
