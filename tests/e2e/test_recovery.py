"""Recovery tools end to end, over the API and the command line, with cancel and `kill -9` in the middle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from harness import Receiver, Served, until

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
MANY = 20_000


def send(served: Served, *uids: str, event: str = "Login") -> list[str]:
    body = [{"Event": event, "Data": {"Uid": uid}} for uid in uids]
    return [one["Id"] for one in served.ok("POST", "/v2/events", body)["Data"]]


def hook(served: Served, receiver: Receiver, **options: Any) -> str:
    body = {"Event": "Login", "TargetUrl": receiver.url()} | options
    identity: str = served.ok("POST", "/v2/manage/webhooks", body)["Id"]
    return identity


def ended(served: Served, job: str) -> Any:
    return until(lambda: (found := served.ok("GET", f"/v2/manage/jobs/{job}"))["State"] != "running" and found)


def deliveries(served: Served, query: str) -> list[Any]:
    """All pages."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = served.ok("GET", f"/v2/manage/deliveries?limit=200&{query}{cursor}")
        found += page["Data"]
        if not page["Next"]:
            return found
        cursor = f"&cursor={page['Next']}"


def test_one_delivery_is_sent_again(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    hook(served, receiver)
    (event,) = send(served, "u1")
    first = until(lambda: deliveries(served, f"eventid={event}&state=delivered"))[0]
    again = served.ok("POST", f"/v2/manage/deliveries/{first['Id']}/resend")
    assert again["Origin"] == f"resend:{first['Id']}"
    until(lambda: len(deliveries(served, f"eventid={event}&state=delivered")) == 2)
    assert [r.id for r in receiver.requests] == [event, event]
    assert receiver.requests[0].body == receiver.requests[1].body
    assert served.call("POST", "/v2/manage/deliveries/nope/resend")[0] == 404


def test_one_that_waits_is_sent_at_once(serve: Serve, receive: Receive) -> None:
    answers = iter([(500, {}, b""), (200, {}, b"")])
    served, receiver = serve(OUTRIDER_RETRY_SCHEDULE_MS="3600000"), receive(lambda _: next(answers))
    hook(served, receiver)
    (event,) = send(served, "u1")
    waiting = until(lambda: [d for d in deliveries(served, "state=waiting") if d["Attempts"] == 1])[0]
    told = served.command("deliveries", "resend", waiting["Id"])
    assert told.returncode == 0
    found = until(lambda: deliveries(served, f"eventid={event}&state=delivered"))
    assert [(d["Id"], d["Attempts"], d["Origin"]) for d in found] == [(waiting["Id"], 2, None)]


def test_everything_that_failed_is_retried(serve: Serve, receive: Receive) -> None:
    well = False
    served = serve(OUTRIDER_RETRY_SCHEDULE_MS="20")
    receiver = receive(lambda _: (200 if well else 400, {}, b""))
    webhook = hook(served, receiver)
    events = send(served, *"abcde")
    until(lambda: len(deliveries(served, "state=exhausted&event=login")) == 5)
    well = True
    dry = served.command("jobs", "start", "retry-failed", webhook, "--dry-run")
    assert dry.stdout.startswith(b"5 of 5 events")
    told = served.command("jobs", "start", "retry-failed", webhook, "--wait")
    assert b"done" in told.stdout
    assert b"5 deliveries" in told.stdout
    until(lambda: {d["EventId"] for d in deliveries(served, "state=delivered")} == set(events))
    nothing = served.ok("POST", "/v2/manage/jobs", {"Kind": "RetryFailed", "WebhookId": webhook})
    assert ended(served, nothing["Id"])["Made"] == 0


def test_what_a_webhook_missed_is_sent(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    send(served, "gone", event="Register")
    missed = send(served, "u1", "u2", "other")
    webhook = hook(served, receiver, Filter={"Data.Uid": {"$startsWith": "u"}})
    (seen,) = send(served, "u3")
    until(lambda: receiver.requests)
    body = {"kind": "send_missed", "webhookid": webhook}
    preview = served.ok("POST", "/v2/manage/jobs", body | {"DryRun": True})
    assert (preview["Scanned"], preview["Matched"], preview["Complete"]) == (3, 2, True)
    assert [e["Id"] for e in preview["Examples"]] == missed[:2]
    assert len(receiver.requests) == 1
    job = served.ok("POST", "/v2/manage/jobs", body)
    assert (ended(served, job["Id"])["Made"], job["Kind"]) == (2, "send_missed")
    until(lambda: Counter(r.id for r in receiver.requests) == Counter([seen, *missed[:2]]))
    assert {d["Origin"] for d in deliveries(served, "state=delivered")} == {None, f"job:{job['Id']}"}
    assert ended(served, served.ok("POST", "/v2/manage/jobs", body)["Id"])["Made"] == 0


def test_the_past_is_replayed_by_filter(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    webhook = hook(served, receiver)
    events = send(served, "u1", "u2", "u3")
    send(served, "u2", event="Register")
    until(lambda: len(receiver.requests) == 3)
    chosen = json.dumps({"Data.Uid": {"$in": ["u2", "u3"]}}).encode()
    arguments = ("jobs", "start", "replay", webhook, "--event", "login", "--filter", "-", "--wait")
    assert b"2 deliveries" in served.command(*arguments, stdin=chosen).stdout
    until(lambda: Counter(r.id for r in receiver.requests) == Counter(events + events[1:]))
    tried = served.ok("POST", "/v2/manage/filters/try", {"Filter": {"Data.Uid": "u2"}})
    assert (tried["Scanned"], tried["Matched"], len(tried["Examples"])) == (4, 2, 2)
    status, refused = served.call("POST", "/v2/manage/filters/try", {"Filter": {"Data.Uid": {"$up": 1}}})
    assert (status, refused["Field"]) == (400, "Filter.Data.Uid.$up")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Kind": "everything"}, "Kind"),
        ({"Since": "yesterday"}, "Since"),
        ({"Since": "2026-01-02T00:00:00Z", "Until": "2026-01-01T00:00:00Z"}, "Until"),
        ({"Events": ["Login", "Nope"]}, "Events[1]"),
        ({"Events": ["Register"]}, "Events"),
        ({"Filter": {}}, "Filter"),
        ({"Colour": "red"}, "Colour"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(
    shared: Served, receive: Receive, change: dict[str, Any], field: str
) -> None:
    webhook = hook(shared, receive())
    body = {"Kind": "SendMissed", "WebhookId": webhook} | change
    status, refused = shared.call("POST", "/v2/manage/jobs", body)
    assert (status, refused["Field"]) == (400, field)


@pytest.mark.timeout(120)
def test_the_command_cancels_in_the_middle_of_a_job(serve: Serve, receive: Receive) -> None:
    served = serve()
    for first in range(0, MANY, 1_000):
        send(served, *(f"u{n}" for n in range(first, first + 1_000)))
    webhook = hook(served, receive(), Enabled=False)

    def cancelled() -> dict[str, Any]:
        """The command needs a moment to start: by then a job may have ended."""
        job = served.ok("POST", "/v2/manage/jobs", {"Kind": "Replay", "WebhookId": webhook})["Id"]
        until(lambda: served.ok("GET", f"/v2/manage/jobs/{job}")["Made"])
        served.command("jobs", "cancel", job)
        found: dict[str, Any] = served.ok("GET", f"/v2/manage/jobs/{job}")
        return found

    found = next(job for job in (cancelled() for _ in range(10)) if job["State"] == "cancelled")
    assert 0 < found["Made"] < MANY


@pytest.mark.timeout(120)
def test_cancel_and_kill_in_the_middle_of_a_job(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    uids = [f"u{n}" for n in range(MANY)]
    for first in range(0, MANY, 1_000):
        send(served, *uids[first : first + 1_000])
    webhook = hook(served, receiver, Enabled=False)
    body = {"Kind": "Replay", "WebhookId": webhook}

    job = served.ok("POST", "/v2/manage/jobs", body)["Id"]
    until(lambda: served.ok("GET", f"/v2/manage/jobs/{job}")["Made"])
    cancelled = served.ok("POST", f"/v2/manage/jobs/{job}/cancel")
    assert cancelled["State"] == "cancelled"
    assert 0 < cancelled["Made"] < MANY
    again = served.command("jobs", "cancel", job)
    assert again.returncode == 0
    assert b"cancelled" in again.stdout
    assert served.ok("GET", f"/v2/manage/jobs/{job}") == cancelled
    assert len(deliveries(served, "state=waiting")) == cancelled["Made"]

    job = served.ok("POST", "/v2/manage/jobs", body)["Id"]
    until(lambda: served.ok("GET", f"/v2/manage/jobs/{job}")["Made"])
    served.kill()
    served.start()
    assert ended(served, job)["Made"] == MANY
    made = [d["EventId"] for d in deliveries(served, "state=waiting") if d["Origin"] == f"job:{job}"]
    assert len(made) == len(set(made)) == MANY
    assert served.call("POST", f"/v2/manage/jobs/{job}/cancel")[0] == 409
    listed = served.ok("GET", "/v2/manage/jobs?limit=1")
    assert [j["Id"] for j in listed["Data"]] == [job]
    assert listed["Next"]
