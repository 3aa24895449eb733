"""What every store promises of custom objects: `ports/objects.py`, and changes that travel with an acceptance."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from outrider.domain.custom_object import MOST_RECORDS, CustomObject, ObjectChange
from outrider.domain.model import Acceptance
from outrider.ports.book import StaleBook
from outrider.ports.objects import ObjectFull, ObjectMoved
from outrider.ports.queue import IdTaken

T = "tenant-1"
HERE = (T, "U1", "orders")


def record(identity: str, revision: int = 1, **changes: Any) -> CustomObject:
    fields = {"tenant": T, "uid": "U1", "name": "orders", "data": b"\x00one", "created": 5, "modified": 5}
    return CustomObject(id=identity, revision=revision, **(fields | changes))


def telling(store: Any, event: str, *changes: ObjectChange, **options: Any) -> Acceptance:
    """An acceptance of one event with these changes."""
    return msgspec.structs.replace(store.acceptance(event, **options), objects=changes)


def commit(store: Any, event: str, *changes: ObjectChange, **options: Any) -> None:
    store.run(store.queue.accept(telling(store, event, *changes, **options)))


def stored(store: Any, *place: str) -> list[CustomObject]:
    found: list[CustomObject] = store.run(store.database.objects.records(*(place or HERE)))
    return found


def one(store: Any, identity: str) -> CustomObject | None:
    found: CustomObject | None = store.run(store.database.objects.record(*HERE, identity))
    return found


def has_event(store: Any, event: str) -> bool:
    return store.run(store.ledger.event(T, event)) is not None


def all_at_once(store: Any, acceptances: list[Acceptance]) -> list[Any]:
    async def gathered() -> list[Any]:
        return await asyncio.gather(*map(store.queue.accept, acceptances), return_exceptions=True)

    found: list[Any] = store.run(gathered())
    return found


def test_a_record_lives_through_its_revisions_with_its_events(store: Any) -> None:
    first = record("r1")
    commit(store, "e1", ObjectChange(first))
    assert stored(store) == [first]
    assert one(store, "r1") == first
    second = record("r1", 2, data=b"two", modified=9)
    commit(store, "e2", ObjectChange(second))
    assert stored(store) == [second]
    commit(store, "e3", ObjectChange(second, deleted=True))
    assert stored(store) == []
    assert one(store, "r1") is None
    assert all(has_event(store, event) for event in ("e1", "e2", "e3"))
    assert store.run(store.queue.size(T)) == 3


def test_a_record_is_seen_in_its_place_only(store: Any) -> None:
    commit(store, "e1", ObjectChange(record("r1")))
    for place in (("tenant-2", "U1", "orders"), (T, "u1", "orders"), (T, "U1", "carts")):
        assert stored(store, *place) == []
        assert store.run(store.database.objects.record(*place, "r1")) is None
    assert one(store, "r2") is None


def test_lists_are_oldest_first(store: Any) -> None:
    for number, created in enumerate((30, 10, 20, 10)):
        commit(store, f"e{number}", ObjectChange(record(f"r{number}", created=created)))
    assert [(found.created, found.id) for found in stored(store)] == [
        (10, "r1"),
        (10, "r3"),
        (20, "r2"),
        (30, "r0"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        ObjectChange(record("r1", data=b"again")),
        ObjectChange(record("r1", 2, data=b"behind")),
        ObjectChange(record("r1", 4, data=b"ahead")),
        ObjectChange(record("r1", 1), deleted=True),
        ObjectChange(record("r1", 3), deleted=True),
        ObjectChange(record("gone", 2)),
        ObjectChange(record("gone", 1), deleted=True),
        ObjectChange(record("r1", 3, uid="U2", data=b"another user's")),
        ObjectChange(record("r1", 3, name="carts", data=b"another object's")),
    ],
)
def test_what_moved_is_not_changed_and_tells_nobody(store: Any, change: ObjectChange) -> None:
    now = record("r1", 2, data=b"now")
    commit(store, "e1", ObjectChange(record("r1")))
    commit(store, "e2", ObjectChange(now))
    for options in ({}, {"skip": True}):
        with pytest.raises(ObjectMoved) as moved:
            commit(store, "e3", change, **options)
        assert moved.value.args[0] == change.record.id
    assert stored(store) == [now]
    assert not has_event(store, "e3")
    assert store.run(store.queue.size(T)) == 2
    assert store.run(store.ledger.skips(T, "e3")) == []


def test_changes_of_one_acceptance_are_all_made_or_none(store: Any) -> None:
    commit(store, "e1", ObjectChange(record("a")), ObjectChange(record("b")))
    assert len(stored(store)) == 2
    after = ObjectChange(record("a", 2, data=b"after"))
    with pytest.raises(ObjectMoved):
        commit(store, "e2", after, ObjectChange(record("b", 3)))
    assert one(store, "a") == record("a")
    assert not has_event(store, "e2")
    commit(store, "e3", after, ObjectChange(record("b"), deleted=True), ObjectChange(record("c")))
    assert [found.id for found in stored(store)] == ["a", "c"]


def test_no_change_without_its_event(store: Any) -> None:
    store.accept("e1")
    change = ObjectChange(record("r1"))
    with pytest.raises(IdTaken):
        commit(store, "e1", change, fingerprint=b"other")
    stale = telling(store, "e2", change)
    store.run(store.save_webhook("w2"))
    with pytest.raises(StaleBook):
        store.run(store.queue.accept(stale))
    assert stored(store) == []
    assert not has_event(store, "e2")


def test_a_repeat_changes_nothing_again(store: Any) -> None:
    made = telling(store, "e1", ObjectChange(record("r1")))
    assert store.run(store.queue.accept(made)).repeats == frozenset()
    assert store.run(store.queue.accept(made)).repeats == {"e1"}
    assert stored(store) == [record("r1")]
    commit(store, "e2", ObjectChange(record("r1"), deleted=True))
    assert store.run(store.queue.accept(made)).repeats == {"e1"}
    assert stored(store) == []


def test_a_suppressed_event_is_recorded_with_its_change(store: Any) -> None:
    commit(store, "e1", ObjectChange(record("r1")), skip=True)
    assert stored(store) == [record("r1")]
    assert [skip.reason for skip in store.run(store.ledger.skips(T, "e1"))] == ["absorbed"]
    assert store.run(store.queue.size(T)) == 0


def test_of_many_at_one_revision_one_wins_and_neighbours_do_not_notice(store: Any) -> None:
    commit(store, "e0", ObjectChange(record("r1")))
    rivals = [telling(store, f"m{n}", ObjectChange(record("r1", 2, data=b"%d" % n))) for n in range(30)]
    others = [store.acceptance(f"o{n}") for n in range(30)]
    mixed = [acceptance for pair in zip(rivals, others, strict=True) for acceptance in pair]
    results = all_at_once(store, mixed)
    assert not any(isinstance(result, BaseException) for result in results[1::2])
    won = [n for n, result in enumerate(results[::2]) if not isinstance(result, ObjectMoved)]
    assert len(won) == 1
    assert stored(store) == [record("r1", 2, data=b"%d" % won[0])]
    assert [n for n in range(30) if has_event(store, f"m{n}")] == won
    assert all(has_event(store, f"o{n}") for n in range(30))


def test_a_user_has_at_most_so_many_records_of_an_object(store: Any) -> None:
    fill = [ObjectChange(record(f"r{n:03}")) for n in range(MOST_RECORDS - 5)]
    commit(store, "e0", *fill)
    rivals = [telling(store, f"m{n}", ObjectChange(record(f"s{n:03}"))) for n in range(20)]
    results = all_at_once(store, rivals)
    refused = [n for n, result in enumerate(results) if isinstance(result, ObjectFull)]
    assert len(refused) == 15
    assert len(stored(store)) == MOST_RECORDS
    assert [n for n in range(20) if not has_event(store, f"m{n}")] == refused
    commit(store, "f1", ObjectChange(record("r000", 2)))  # changing is not adding
    commit(store, "f2", ObjectChange(record("x", uid="U2")), ObjectChange(record("x", name="carts")))
    commit(store, "f3", ObjectChange(record("r001"), deleted=True))
    commit(store, "f4", ObjectChange(record("x")))
    with pytest.raises(ObjectFull):
        commit(store, "f5", ObjectChange(record("y")))
