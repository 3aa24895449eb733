"""`kill -9` while custom objects change: `PYTHONPATH=tests python -m crash.objects --cycles 200`.

Each cycle serves the same store, changes objects of a few users from several callers at once, some of them the same
records, and kills the process at a random instant. At the end every record's revisions and events are compared: no
event without its change, no change without its event, nothing that was answered is lost, nothing overwrites what it
did not see, and every event has arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from crash import stores
from harness import Receiver, Served, until
from outrider.cli.demo import certificates
from outrider.domain.custom_object import CustomObject
from outrider.ports.ledger import EventQuery
from outrider.ports.store import Store

CALLERS = 4
USERS = [f"User{number}" for number in range(6)]
NAME = "crash"
RECORDS = 20  # of a user; enough to meet at, few enough to be updated often
DRAIN_S = 600
KINDS = {"createcustomobject": "create", "updatecustomobject": "update", "deletecustomobject": "delete"}


class Told(msgspec.Struct, frozen=True):
    """A change as an event tells of it, or as a caller was answered."""

    kind: str
    record: str
    content: dict[str, Any]
    modified: str


class Kept(msgspec.Struct, frozen=True):
    """A record as the store keeps it and the API shows it."""

    record: str
    revision: int
    content: dict[str, Any]
    modified: str


class Outcome(msgspec.Struct, frozen=True):
    cycles: int
    answered: int
    events: int
    faults: list[str]
    undelivered: int

    @property
    def kept(self) -> bool:
        return not self.faults and self.undelivered == 0


def faults(kept: list[Kept], told: list[Told], answered: list[Told]) -> list[str]:
    """What does not add up. `told` is every event, oldest first."""
    histories: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        histories[one.record].append(one)
    found = [fault for history in histories.values() for fault in _of_history(history)]
    live = {record.record: record for record in kept}
    for identity in live.keys() | histories.keys():
        found += _of_record(identity, live.get(identity), histories.get(identity, []))
    for one in answered:
        same = [t for t in histories.get(one.record, []) if t.kind == one.kind]
        if not any(t.kind == "delete" or (t.content, t.modified) == (one.content, one.modified) for t in same):
            found.append(f"{one.record}: {one.kind} was answered and there is no event of it")
    return found


def _of_history(history: list[Told]) -> list[str]:
    """One creation first, one deletion last if at all, and every update changes the one field its caller named."""
    kinds = [one.kind for one in history]
    end = kinds[-1:] if kinds[-1] == "delete" else []
    found = []
    if kinds != ["create", *["update"] * (len(kinds) - 1 - len(end)), *end]:
        found.append(f"{history[0].record}: events are {kinds}")
    for before, after in pairwise(history):
        changed = {name for name in after.content if before.content.get(name) != after.content[name]}
        if not before.content.keys() <= after.content.keys() or len(changed) != (after.kind == "update"):
            found.append(f"{after.record}: {after.kind} made {after.content} of {before.content}")
    return found


def _of_record(identity: str, kept: Kept | None, history: list[Told]) -> list[str]:
    if not history:
        return [f"{identity}: is stored and no event tells of it"]
    last = history[-1]
    if kept is None:
        return [] if last.kind == "delete" else [f"{identity}: an event tells of it and it is not stored"]
    if len(history) != kept.revision or last.kind == "delete":
        return [f"{identity}: revision {kept.revision}, {len(history)} events, the last a {last.kind}"]
    if (last.content, last.modified) != (kept.content, kept.modified):
        return [f"{identity}: holds {kept.content}, its last event tells of {last.content}"]
    return []


def run(folder: Path, cycles: int, seed: int, ca: Path, certificate: Path, *, store: dict[str, str]) -> Outcome:
    """`store` are the settings that name it."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    receiver = Receiver(certificate)
    served = Served(folder, OUTRIDER_EGRESS_CA_FILE=str(ca), **store).start()
    answered: list[Told] = []
    try:
        hook = {"Events": ["CreateCustomObject", "UpdateCustomObject", "DeleteCustomObject"]}
        served.ok("POST", "/v2/manage/webhooks", hook | {"TargetUrl": receiver.url()})
        for cycle in range(cycles):
            _changed_and_killed(served, answered, chance.uniform(0.05, 0.8), f"{seed}-{cycle}")
            served.start()
        shown = {uid: served.ok("GET", _path(uid))["data"] for uid in USERS}
        until(lambda: not served.ok("GET", "/v2/manage/deliveries?state=waiting&limit=1")["Data"], DRAIN_S)
    finally:
        served.stop()
        receiver.close()
    kept, told, ids = asyncio.run(_read(folder, store, shown))
    arrived = {request.id for request in receiver.requests}
    return Outcome(cycles, len(answered), len(told), faults(kept, told, answered), len(ids - arrived))


def _path(uid: str, record: str = "") -> str:
    return f"/identity/v2/manage/account/{uid}/customobject{record and '/'}{record}?objectname={NAME}"


def _changed_and_killed(served: Served, answered: list[Told], seconds: float, seed: str) -> None:
    over = threading.Event()
    callers = [threading.Thread(target=_call, args=(served, answered, over, f"{seed}-{n}")) for n in range(CALLERS)]
    for caller in callers:
        caller.start()
    time.sleep(seconds)  # the instant of the kill is the experiment
    over.set()
    served.kill()
    for caller in callers:
        caller.join()


def _call(served: Served, answered: list[Told], over: threading.Event, seed: str) -> None:
    """Change whatever the users have until the server is gone; only what was answered is kept."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    number = 0
    while True:
        number += 1
        try:
            _change(served, answered, chance, f"{seed}-{number}")
        except (OSError, HTTPException, ValueError):  # cut off in the middle: no answer, or half of one
            if over.is_set():
                return
            raise


def _change(served: Served, answered: list[Told], chance: random.Random, unique: str) -> None:
    uid = chance.choice(USERS)
    there = [one["Id"] for one in served.ok("GET", _path(uid))["data"]]
    for record in chance.sample(there, min(5, len(there))):
        if chance.random() < 0.2:
            _told(answered, "delete", served.call("DELETE", _path(uid, record), {}), record)
        else:
            field = f"f{chance.randrange(5)}"
            _told(answered, "update", served.call("PUT", _path(uid, record), {field: unique}), record)
    if len(there) < RECORDS:
        _told(answered, "create", served.call("POST", _path(uid), {"made": unique}), "")


def _told(answered: list[Told], kind: str, reply: tuple[int, Any], record: str) -> None:
    status, answer = reply
    if status == 403 and answer["ErrorCode"] == 1057 and kind != "create":
        return  # another caller deleted it
    assert status == 200, reply
    shown = {"Id": record, "CustomObject": {}, "DateModified": ""} if kind == "delete" else answer
    answered.append(Told(kind, shown["Id"], shown["CustomObject"], shown["DateModified"]))


async def _read(
    folder: Path, store: dict[str, str], shown: dict[str, list[Any]]
) -> tuple[list[Kept], list[Told], set[str]]:
    """Records, events, and the events' ids, from the store itself."""
    database = await stores.opened(folder, store)
    try:
        tenant = (await database.book.tenants())[0].tenant.id
        kept: list[Kept] = []
        told: list[Told] = []
        ids: set[str] = set()
        for uid, records in shown.items():
            kept += _kept(await database.objects.records(tenant, uid, NAME), records)
            for identity, one in await _events(database, tenant, uid):
                ids.add(identity)
                told.append(one)
        return kept, told, ids
    finally:
        await database.close()


def _kept(stored: list[CustomObject], shown: list[Any]) -> list[Kept]:
    """The API shows what is stored: the same records in the same order."""
    assert [record.id for record in stored] == [one["Id"] for one in shown]
    return [
        Kept(record.id, record.revision, one["CustomObject"], one["DateModified"])
        for record, one in zip(stored, shown, strict=True)
    ]


async def _events(database: Store, tenant: str, uid: str) -> list[tuple[str, Told]]:
    """All events about the user, oldest first."""
    found: list[tuple[str, Told]] = []
    before: int | None = None
    while rows := await database.ledger.events(tenant, EventQuery(subject=uid), before, 1_000):
        before = rows[-1].place
        for row in rows:
            envelope = msgspec.json.decode(row.event.body)
            data = envelope["Data"]
            one = Told(KINDS[envelope["HookName"]], data["Id"], data["CustomObject"], data["DateModified"])
            found.append((row.event.id, one))
    return found[::-1]


def main() -> None:
    options = argparse.ArgumentParser(prog="crash.objects", description=__doc__)
    options.add_argument("--cycles", type=int, default=200)
    options.add_argument("--seed", type=int, default=0)
    stores.add_option(options)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, stores.new(given.store) as store:
        ca, certificate = certificates.make(Path(folder))
        outcome = run(Path(folder), given.cycles, given.seed, ca, certificate, store=store)
    print(
        f"{outcome.cycles} kills: {outcome.answered:,} changes answered, {outcome.events:,} events, "
        f"{len(outcome.faults)} that do not add up, {outcome.undelivered} not delivered"
    )
    for fault in outcome.faults[:20]:
        print(fault)
    sys.exit(not outcome.kept)


if __name__ == "__main__":
    main()
