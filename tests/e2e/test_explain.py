"""Why an event was or was not sent: every answer there is, over the API and the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Receiver, Served, until

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]


def send(served: Served, uid: str, event: str = "Login", query: str = "") -> str:
    body = {"Event": event, "Data": {"Uid": uid}}
    identity: str = served.ok("POST", f"/v2/events{query}", body)["Data"][0]["Id"]
    return identity


def hook(served: Served, url: str, **options: Any) -> str:
    body = {"Event": "Login", "TargetUrl": url} | options
    identity: str = served.ok("POST", "/v2/manage/webhooks", body)["Id"]
    return identity


def why(served: Served, event: str, webhook: str) -> tuple[str, str]:
    (one,) = served.ok("GET", f"/v2/manage/events/{event}/explain?webhook={webhook}")["Data"]
    return one["Because"], one["Explanation"]


def settled(served: Served, event: str, webhook: str, because: str) -> str:
    return str(until(lambda: (found := why(served, event, webhook))[0] == because and found[1]))


def test_what_was_not_owed(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    deleted = hook(served, receiver.url())
    early = send(served, "u1")
    served.ok("DELETE", f"/v2/manage/webhooks/{deleted}")
    webhook = hook(served, receiver.url(), Filter={"Data.Uid": {"$in": ["u2", "u3"]}})
    late = send(served, "u1")
    other = send(served, "u2", "Register")
    prevented = send(served, "u2", query="?prevent_webhook=true")

    assert why(served, early, webhook)[0] == "not_yet_created"
    assert why(served, late, deleted)[0] == "deleted_before"
    assert "Data.Uid" in settled(served, late, webhook, "filtered")
    assert "not to Register" in settled(served, other, webhook, "not_subscribed")
    assert why(served, prevented, webhook) == ("prevented", "the producer asked for no delivery")
    until(lambda: why(served, early, deleted)[0] in {"delivered", "cancelled"})
    assert served.call("GET", f"/v2/manage/events/{late}/explain?webhook=nope")[0] == 404
    assert served.call("GET", "/v2/manage/events/nope/explain")[0] == 404


def test_the_configuration_of_that_time_counts(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    webhook = hook(served, receiver.url(), Event="Register")
    event = send(served, "u1")
    served.ok("PUT", f"/v2/manage/webhooks/{webhook}", {"Event": "Login", "Name": "changed since"})
    assert why(served, event, webhook)[0] == "not_subscribed"
    later = send(served, "u1")
    assert "delivered after 1 attempt" in settled(served, later, webhook, "delivered")


def test_what_waits_says_for_what(serve: Serve, receive: Receive) -> None:
    served = serve(OUTRIDER_RETRY_SCHEDULE_MS="3600000")
    receiver = receive(lambda _: (500, {}, b""))
    webhook = hook(served, receiver.url(), Ordering="subject")
    event = send(served, "u1")
    until(lambda: "the next is due at" in why(served, event, webhook)[1])
    held = send(served, "u1")
    assert "has to end first (subject order)" in why(served, held, webhook)[1]
    served.ok("POST", f"/v2/manage/webhooks/{webhook}/pause")
    assert "disabled by its owner" in why(served, event, webhook)[1]
    served.ok("POST", f"/v2/manage/webhooks/{webhook}/resume")
    for number in range(12):
        send(served, f"v{number}")
    last = send(served, "w")
    until(lambda: "its circuit is open" in why(served, last, webhook)[1])
    told = served.command("explain", last)
    assert b"its circuit is open" in told.stdout
    assert webhook.encode() in told.stdout


def test_exhausted_and_cancelled(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(OUTRIDER_RETRY_SCHEDULE_MS=""), receive(lambda _: (400, {}, b""))
    webhook = hook(served, receiver.url(), RetrySchedule=[])
    event = send(served, "u1")
    assert settled(served, event, webhook, "exhausted") == "exhausted after 1 attempt: status 400"
    paused = hook(served, receiver.url(), Enabled=False)
    event = send(served, "u1")
    served.ok("DELETE", f"/v2/manage/webhooks/{paused}")
    assert "webhook deleted" in settled(served, event, paused, "cancelled")
