"""What every store promises its users: the sentences of `ports/queue.py`, `ledger.py` and `book.py`."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from outrider.domain.delivery import Line, Step
from outrider.domain.model import ApiKey, Secret, SecretVersion, Tenant
from outrider.ports.book import KeyTaken, StaleBook
from outrider.ports.ledger import DeliveryQuery, EventQuery
from outrider.ports.queue import AttemptRecord, IdTaken, Settlement
from outrider.ports.sender import Timing

T = "tenant-1"
LATER = 10**13
RECORD = AttemptRecord(
    1, 5, "https://a.example", (("a", "b"),), 200, None, None, b"ok", False, Timing(total_ms=1.5)
)


def settlement(delivery: Any, line: Line = Line.DELIVERED, due: int | None = None, **more: Any) -> Settlement:
    return Settlement(delivery, Step(line, 1, due), 50, "status 200", RECORD, **more)


def test_what_is_accepted_is_there(store: Any) -> None:
    made = store.accept("e1", "e2")
    rows = store.run(store.ledger.events(T, EventQuery(), None, 10))
    assert [row.event for row in rows] == list(made.events[::-1])
    assert store.run(store.ledger.event(T, "e1")).event == made.events[0]
    assert store.run(store.ledger.event("another", "e1")) is None
    assert store.run(store.queue.size(T)) == 2


def test_repeats_are_known_and_stored_once(store: Any) -> None:
    store.accept("e1")
    receipt = store.run(store.queue.accept(store.acceptance("e1", "e2")))
    assert receipt.repeats == {"e1"}
    assert store.run(store.queue.size(T)) == 2


def test_a_hundred_concurrent_repeats_store_one(store: Any) -> None:
    made = [store.acceptance("e1") for _ in range(100)]

    async def all_at_once() -> Any:
        return await asyncio.gather(*(store.queue.accept(one) for one in made))

    receipts = store.run(all_at_once())
    assert sum(not receipt.repeats for receipt in receipts) == 1
    assert store.run(store.queue.size(T)) == 1


def test_another_content_under_an_id_is_refused_whole(store: Any) -> None:
    store.accept("e1")
    with pytest.raises(IdTaken):
        store.run(store.queue.accept(store.acceptance("e0", "e1", fingerprint=b"other")))
    assert store.run(store.ledger.event(T, "e0")) is None


def test_one_bad_request_does_not_spoil_its_group(store: Any) -> None:
    store.accept("e1")
    good = [store.acceptance(f"g{n}") for n in range(20)]
    bad = store.acceptance("e1", fingerprint=b"other")

    async def all_at_once() -> Any:
        return await asyncio.gather(*map(store.queue.accept, [*good[:10], bad, *good[10:]]), return_exceptions=True)

    results = store.run(all_at_once())
    assert [isinstance(r, IdTaken) for r in results].count(True) == 1
    assert store.run(store.queue.size(T)) == 21


def test_a_stale_book_stores_nothing(store: Any) -> None:
    made = store.acceptance("e1")
    store.run(store.save_webhook("w2"))
    with pytest.raises(StaleBook):
        store.run(store.queue.accept(made))
    assert store.run(store.queue.size(T)) == 0


def test_claims_are_due_first_and_never_twice(store: Any) -> None:
    store.accept("e2")
    store.accept("e1")
    first = store.run(store.queue.claim(T, "w", 1, LATER))
    assert [d.event for d in first] == ["e2"]
    assert first[0].body == b"{}"
    assert [d.event for d in store.run(store.queue.claim(T, "w", 10, LATER))] == ["e1"]
    assert store.run(store.queue.claim(T, "w", 10, LATER)) == []


def test_what_is_not_due_or_born_leased_is_not_claimed(store: Any) -> None:
    store.accept("e1", lease=True)
    store.accept("e2")
    assert store.run(store.queue.claim(T, "w", 10, 0)) == []
    assert [d.event for d in store.run(store.queue.claim(T, "w", 10, LATER))] == ["e2"]


def test_backlogs_name_each_enabled_webhook_once(store: Any) -> None:
    store.run(store.save_webhook("w2"))
    store.run(store.save_webhook("w3", disabled_reason="off"))
    store.accept("a1", "a2")
    store.accept("b1", webhook="w2")
    store.accept("c1", webhook="w3")
    found = {b.webhook: b.due for b in store.run(store.queue.backlogs())}
    assert set(found) == {"w", "w2"}
    assert found["w"] < found["w2"]
    assert store.run(store.queue.claim(T, "w3", 10, LATER)) == []
    store.run(store.save_webhook("w3"))
    assert len(store.run(store.queue.claim(T, "w3", 10, LATER))) == 1


def test_an_ending_leaves_the_queue_and_one_line(store: Any) -> None:
    delivery = store.accept("e1", lease=True).deliveries[0]
    assert store.run(store.queue.settle([settlement(delivery)])).lost == frozenset()
    assert store.run(store.queue.size(T)) == 0
    lines = store.run(store.ledger.lines(T, delivery.id))
    assert [(line.line, line.reason, line.attempt) for line in lines] == [("delivered", "status 200", RECORD)]
    row = store.run(store.ledger.delivery(T, delivery.id))
    assert (row.state, row.attempts, row.last_status, row.webhook_name, row.ended) == ("delivered", 1, 200, "w", 50)


def test_a_retry_stays_and_is_due_again(store: Any) -> None:
    delivery = store.accept("e1", lease=True).deliveries[0]
    store.run(store.queue.settle([settlement(delivery, Line.ATTEMPTED, 9_000)]))
    row = store.run(store.ledger.delivery(T, delivery.id))
    assert (row.state, row.attempts, row.due, row.reason) == ("waiting", 1, 9_000, "status 200")
    assert store.run(store.queue.claim(T, "w", 1, 8_999)) == []
    assert store.run(store.queue.claim(T, "w", 1, 9_000))[0].attempts == 1


def test_who_lost_the_lease_changes_nothing(store: Any) -> None:
    delivery = store.accept("e1", lease=True).deliveries[0]
    store.run(store.queue.release([delivery]))
    other = store.other_process("process-2")
    assert len(store.run(other.claim(T, "w", 1, LATER))) == 1
    stale = settlement(delivery, disable="status 410", news=store.acceptance("n1"))
    assert store.run(store.queue.settle([stale])).lost == {delivery.id}
    assert store.run(store.ledger.lines(T, delivery.id)) == []
    assert store.run(store.ledger.event(T, "n1")) is None
    assert store.run(store.book.tenant(T)).webhooks["w"].disabled_reason is None
    assert store.run(store.queue.release([delivery])) == 0
    assert store.run(other.settle([settlement(delivery)])).lost == frozenset()


def test_a_silent_process_loses_its_leases(store: Any) -> None:
    other = store.other_process("process-2")
    for queue in (store.queue, other, store.queue):
        store.run(queue.heartbeat(20_000))
    store.accept("e1")
    assert len(store.run(other.claim(T, "w", 1, LATER))) == 1
    store.pass_time(14_000)
    assert store.run(store.queue.heartbeat(20_000)).released == 0
    store.pass_time(6_001)
    assert store.run(store.queue.heartbeat(20_000)).released == 1
    assert len(store.run(store.queue.claim(T, "w", 1, LATER))) == 1


def test_disabling_comes_with_the_outcome_and_its_news(store: Any) -> None:
    delivery = store.accept("e1", lease=True).deliveries[0]
    before = store.version()
    gone = settlement(
        delivery, Line.EXHAUSTED, disable="status 410", news=store.acceptance("n1", type="WebhookDisabled")
    )
    store.run(store.queue.settle([gone]))
    assert store.run(store.book.tenant(T)).webhooks["w"].disabled_reason == "status 410"
    assert store.version() == before + 1
    assert store.run(store.ledger.event(T, "n1")).event.type == "WebhookDisabled"


def test_a_deleted_webhook_is_cancelled_in_portions(store: Any) -> None:
    store.accept("e1", "e2", "e3")
    store.run(store.book.delete_webhook(T, "w", 5, store.version()))
    assert store.run(store.queue.claim(T, "w", 10, LATER)) == []
    assert store.run(store.queue.backlogs()) == []
    assert store.run(store.queue.deleted_webhooks()) == [(T, "w")]
    assert [store.run(store.queue.cancel(T, "w", 2, 60)) for _ in range(3)] == [2, 1, 0]
    assert store.run(store.queue.deleted_webhooks()) == []
    rows = store.run(store.ledger.deliveries(T, DeliveryQuery(state="cancelled"), None, 10))
    assert [(r.reason, r.webhook_name) for r in rows] == [("webhook deleted", "w")] * 3


def test_skips_are_lines_of_their_event(store: Any) -> None:
    store.accept("e1", skip=True)
    assert [(s.reason, s.detail) for s in store.run(store.ledger.skips(T, "e1"))] == [("absorbed", "why")]
    assert store.run(store.queue.size(T)) == 0


def test_deliveries_page_across_their_endings(store: Any) -> None:
    made = [store.accept(f"e{n}", lease=True).deliveries[0] for n in range(9)]
    store.run(store.queue.settle([settlement(d) for d in made[::2]]))
    seen: list[str] = []
    before = None
    while page := store.run(store.ledger.deliveries(T, DeliveryQuery(), before, 2)):
        seen += [row.id for row in page]
        before = page[-1].id
        waiting = [d for d in made if d.id not in seen and d in made[1::2]]
        if waiting:
            store.run(store.queue.settle([settlement(waiting[0])]))
    assert seen == [d.id for d in made[::-1]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (DeliveryQuery(state="waiting"), ["d-b1", "d-a1"]),
        (DeliveryQuery(state="delivered"), ["d-c1"]),
        (DeliveryQuery(state="exhausted"), []),
        (DeliveryQuery(type="Register"), ["d-b1"]),
        (DeliveryQuery(subject="s2"), ["d-c1"]),
        (DeliveryQuery(webhook="w2"), ["d-c1"]),
        (DeliveryQuery(event="a1"), ["d-a1"]),
        (DeliveryQuery(event="c1", state="delivered"), ["d-c1"]),
        (DeliveryQuery(since=1_003), ["d-c1"]),
        (DeliveryQuery(until=1_003), ["d-b1", "d-a1"]),
        (DeliveryQuery(webhook="w", type="Login"), ["d-a1"]),
    ],
)
def test_deliveries_are_filtered(store: Any, query: DeliveryQuery, found: list[str]) -> None:
    store.run(store.save_webhook("w2"))
    store.accept("a1")
    store.accept("b1", type="Register")
    last = store.accept("c1", webhook="w2", subject="s2", lease=True).deliveries[0]
    store.run(store.queue.settle([settlement(last)]))
    rows = store.run(store.ledger.deliveries(T, query, None, 10))
    assert [row.id for row in rows] == found
    assert store.run(store.ledger.deliveries("another", query, None, 10)) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (EventQuery(type="Register"), ["b1"]),
        (EventQuery(subject="s2"), ["c1"]),
        (EventQuery(type="Login", subject="u"), ["a1"]),
        (EventQuery(since=1_002, until=1_003), ["b1"]),
    ],
)
def test_events_are_filtered(store: Any, query: EventQuery, found: list[str]) -> None:
    store.accept("a1")
    store.accept("b1", type="Register")
    store.accept("c1", subject="s2")
    assert [row.event.id for row in store.run(store.ledger.events(T, query, None, 10))] == found


def test_a_change_made_for_another_version_changes_nothing(store: Any) -> None:
    book, tenant = store.book, store.run(store.book.tenant(T))
    secret = Secret("s1", T, "Crm", (SecretVersion(1, "sealed", 0),), 0)
    changes = [
        lambda version: book.save_tenant(msgspec.structs.replace(tenant.tenant, name="n"), version),
        lambda version: book.save_webhook(store.webhooks["w"], version),
        lambda version: book.save_secret(secret, version),
        lambda version: book.delete_secret(T, "s1", version),
        lambda version: book.save_key(ApiKey("k1", T, "reader", ("manage:read",), "digest", 0), version),
        lambda version: book.delete_key(T, "k1", version),
        lambda version: book.delete_webhook(T, "w", 1, version),
    ]
    for change in changes:
        before = store.run(book.tenant(T))
        for stale in (before.version - 1, before.version + 1):
            with pytest.raises(StaleBook):
                store.run(change(stale))
        assert store.run(book.tenant(T)) == before
        store.run(change(before.version))
        assert store.version() == before.version + 1
    assert store.run(book.tenant(T)).webhooks == {}


def test_an_api_key_belongs_to_one_tenant(store: Any) -> None:
    with pytest.raises(KeyTaken):
        store.run(store.book.add_tenant(Tenant("t2", "t2", "key", "sealed", 0)))


def test_secrets_are_kept_by_their_lower_cased_name(store: Any) -> None:
    secret = Secret("s1", T, "Crm", (SecretVersion(1, "sealed", 0),), 0)
    store.run(store.book.save_secret(secret, store.version()))
    assert store.run(store.book.tenant(T)).secrets == {"crm": secret}
    store.run(store.book.delete_secret(T, "s1", store.version()))
    assert store.run(store.book.tenant(T)).secrets == {}


def test_keys_and_data_keys_are_kept(store: Any) -> None:
    key = ApiKey("k1", T, "reader", ("manage:read",), "digest", 0)
    store.run(store.book.save_key(key, store.version()))
    store.run(store.book.add_data_key(1, "wrapped"))
    assert store.run(store.book.tenant(T)).keys == {"k1": key}
    assert store.run(store.book.data_keys()) == {1: "wrapped"}
    store.run(store.book.delete_key(T, "k1", store.version()))
    assert store.run(store.book.tenant(T)).keys == {}


@pytest.mark.parametrize("ordered", [False, True])
def test_one_event_owed_to_very_many(store: Any, ordered: bool) -> None:
    """More than one statement takes; still one commit, whole."""
    made = store.acceptance("e1")
    (first,) = made.deliveries
    key = {"order_key": "k"} if ordered else {}
    many = tuple(msgspec.structs.replace(first, id=f"{first.id[:-5]}{n:05x}", **key) for n in range(2_500))
    receipt = store.run(store.queue.accept(msgspec.structs.replace(made, deliveries=many, leased=frozenset())))
    assert store.run(store.queue.size(T)) == 2_500
    assert len(receipt.held) == (2_499 if ordered else 0)
    assert store.run(store.queue.accept(msgspec.structs.replace(made, deliveries=many))).repeats == {"e1"}
    assert store.run(store.queue.size(T)) == 2_500
