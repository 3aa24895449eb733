"""A webhook's options, honoured end to end: tested once, paused, limited, filtered, ordered, given up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness import Receiver, Request, Served, until

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]


def send(served: Served, *uids: str, event: str = "Login") -> list[str]:
    body = [{"Event": event, "Data": {"Uid": uid}} for uid in uids]
    return [one["Id"] for one in served.ok("POST", "/v2/events", body)["Data"]]


def hook(served: Served, receiver: Receiver, **options: Any) -> str:
    body = {"Event": "Login", "TargetUrl": receiver.url()} | options
    identity: str = served.ok("POST", "/v2/manage/webhooks", body)["Id"]
    return identity


def uid(request: Request) -> str:
    return str(json.loads(request.body)["Data"]["Uid"])


def test_a_test_send_shows_the_answer_and_leaves_no_trace(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive(lambda r: (200 if "u9" in r.body.decode() else 500, {}, b"hello"))
    webhook = hook(served, receiver, Event="OrgDeleted", Enabled=False)
    trial = served.ok("POST", f"/v2/manage/webhooks/{webhook}/test", {})
    assert (trial["Delivered"], trial["Reason"], trial["Attempt"]["Answer"]) == (False, "status 500", "hello")
    assert json.loads(receiver.requests[0].body)["HookName"] == "orgdeleted"
    told = served.command("webhooks", "test", webhook, "--event", "login", "--data", "-", stdin=b'{"Uid":"u9"}')
    assert (told.returncode, b"status 200" in told.stdout) == (0, True)
    assert served.command("webhooks", "test", webhook).returncode == 1
    assert served.ok("GET", "/v2/manage/deliveries")["Data"] == []
    assert served.ok("GET", "/v2/manage/events")["Data"] == []


def test_a_paused_webhook_keeps_its_backlog_and_drains_it(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    webhook = hook(served, receiver)
    assert b"paused" in served.command("webhooks", "pause", webhook).stdout
    events = send(served, *(f"u{n}" for n in range(900)))
    assert b"paused" in served.command("webhooks", "list").stdout
    assert served.ok("GET", "/v2/manage/deliveries?state=waiting&limit=1")["Data"]
    assert not receiver.requests
    assert b"well" in served.command("webhooks", "resume", webhook).stdout
    until(lambda: {r.id for r in receiver.requests} == set(events))


def test_rate_and_concurrency_are_kept(serve: Serve, receive: Receive) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return 200, {}, b""

    served, receiver = serve(), receive(answer)
    hook(served, receiver, MaxConcurrency=2)
    limited = receive()
    hook(served, limited, RateLimit=20)
    started = time.monotonic()
    send(served, *(f"u{n}" for n in range(40)))
    until(lambda: len(limited.requests) == 40)
    assert time.monotonic() - started > (40 - 2) / 20 * 0.95
    until(lambda: len(receiver.requests) == 40)
    assert most[0] <= 2


def test_only_what_passes_the_filter_is_sent(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    hook(served, receiver, Event="UpdateProfile", Filter={"ModifiedFields": {"$in": ["Email"]}})
    email = [{"Type": "Primary", "Value": "a@example.com"}]
    for name, value in (("Email", email), ("FirstName", "b")):
        data = {"Event": "UpdateProfile", "Data": {"Uid": name, name: value}, "Previous": {"Uid": name}}
        served.ok("POST", "/v2/events", data)
    data = {"Event": "UpdateProfile", "Data": {"Uid": "end", "Email": email}, "Previous": {"Uid": "end"}}
    served.ok("POST", "/v2/events", data)
    until(lambda: len(receiver.requests) == 2)
    assert [uid(r) for r in receiver.requests] == ["Email", "end"]


def test_subjects_keep_their_order_through_failures_and_a_kill(serve: Serve, receive: Receive) -> None:
    """Every third request of a subject fails once; one subject fails for long and delays no other."""
    seen: dict[str, int] = {}
    broken = True

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        if uid(request) == "stuck" and broken:
            return 400, {}, b""
        seen[request.id] = seen.get(request.id, 0) + 1
        return (400 if hash(request.id) % 3 == 0 and seen[request.id] == 1 else 200), {}, b""

    served, receiver = serve(), receive(answer)
    hook(served, receiver, Ordering="subject", RetrySchedule=[0.05] * 5 + [1] * 45)
    uids = [f"u{n % 20}" for n in range(600)] + ["stuck"] * 5
    sent = [(u, identity) for u, identity in zip(uids, send(served, *uids), strict=True)]
    until(lambda: len(receiver.requests) > 200)
    served.kill()
    served.start()
    others = {identity for u, identity in sent if u != "stuck"}
    until(lambda: others <= {d["EventId"] for d in delivered(served)})
    assert not any(uid(r) == "stuck" and r.id != sent[-5][1] for r in receiver.requests)
    broken = False
    until(lambda: len(delivered(served)) == len(sent))
    for subject in set(uids):
        first_seen = list(dict.fromkeys(r.id for r in receiver.requests if uid(r) == subject))
        assert first_seen == [identity for u, identity in sent if u == subject]


def delivered(served: Served) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = served.ok("GET", f"/v2/manage/deliveries?state=delivered&limit=200{cursor}")
        found += page["Data"]
        if not page["Next"]:
            return found
        cursor = f"&cursor={page['Next']}"


def test_a_timeout_of_its_own(serve: Serve, receive: Receive) -> None:
    over = threading.Event()

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        over.wait(10)
        return 200, {}, b""

    served, receiver = serve(), receive(answer)
    webhook = hook(served, receiver, Timeout=1)
    trial = served.ok("POST", f"/v2/manage/webhooks/{webhook}/test", {})
    over.set()
    assert trial["Attempt"]["Error"] == "timeout"
    # The event loop counts whole milliseconds, so a second may end up to one early.
    assert 999 <= trial["Attempt"]["Duration"]["Total"] <= 1_250
