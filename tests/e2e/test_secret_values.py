"""Secret values of webhooks: masked, kept when sent back, not sent elsewhere, sealed and wiped in older stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness import Receiver, Served, until

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
WEBHOOKS = "/v2/manage/webhooks"
MASK = "**********"
URL = "https://one.example.com/hook"
BEARER = {"AuthType": "Bearer", "BearerToken": {"Token": "t0ken"}}
BASIC = {"AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "pa55"}}
FULL = {
    "Event": "Login", "TargetUrl": URL, "Headers": {"X-Key": "k1", "X-Region": "eu", "X-Team": "blue"},
    "QueryParams": {"sig": "s1", "env": "test"}, "Authentication": BEARER, "PlainHeaders": ["x-team"],
}  # fmt: skip


@pytest.fixture
def made(shared: Served) -> Any:
    webhook = shared.ok("POST", WEBHOOKS, FULL)
    yield webhook
    shared.ok("DELETE", f"{WEBHOOKS}/{webhook['Id']}")


def path(webhook: Any) -> str:
    return f"{WEBHOOKS}/{webhook['Id']}"


def refused(served: Served, webhook: Any, change: dict[str, Any], field: str, because: str) -> None:
    status, answer = served.call("PUT", path(webhook), change)
    assert (status, answer["ErrorCode"], answer.get("Field")) == (400, 7900, field), answer
    assert because in answer["Expected"]
    assert not {"k1", "s1", "t0ken", "pa55"} & set(json.dumps(answer).replace('"', " ").split())


def test_secret_values_are_masked_and_harmless_ones_are_not(made: Any, shared: Served) -> None:
    assert made["Headers"] == {"X-Key": MASK, "X-Region": "eu", "X-Team": "blue"}
    assert made["QueryParams"] == {"sig": MASK, "env": "test"}
    assert (made["PlainHeaders"], made["PlainQueryParams"]) == (["x-team"], [])
    assert shared.ok("GET", path(made)) == made
    assert made in shared.ok("GET", WEBHOOKS)["Data"]


def test_a_webhook_as_it_was_read_can_be_sent_back(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    made = served.ok("POST", WEBHOOKS, FULL | {"TargetUrl": receiver.url("/a")})
    again = served.ok("PUT", path(made), made)
    assert {k: v for k, v in again.items() if k != "LastModifiedDate"} == {
        k: v for k, v in made.items() if k != "LastModifiedDate"
    }
    renamed = {"x-key": MASK, "X-New": "n"}
    assert served.ok("PUT", path(made), {"Headers": renamed})["Headers"] == {"x-key": MASK, "X-New": MASK}
    served.stop()
    served.start()  # what is sent comes from the store
    served.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    request = until(lambda: receiver.requests)[0]
    assert request.path == "/a?sig=s1&env=test"
    sent = {name: request.headers.get(name) for name in ("x-key", "x-new", "x-team", "authorization")}
    assert sent == {"x-key": "k1", "x-new": "n", "x-team": None, "authorization": "Bearer t0ken"}


def test_an_attempt_shows_what_the_webhook_shows(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    made = served.ok(
        "POST", WEBHOOKS, FULL | {"TargetUrl": receiver.url("/hooks/4f6c1e0d9a7b4c3e8d2f1a0b9c8d7e6f")}
    )
    served.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    row = until(lambda: served.ok("GET", "/v2/manage/deliveries?state=delivered")["Data"])[0]
    for attempt in (
        served.ok("GET", f"/v2/manage/deliveries/{row['Id']}")["Lines"][0]["Attempt"],
        served.ok("POST", f"{path(made)}/test", {})["Attempt"],
    ):
        headers = {header["Name"]: header["Value"] for header in attempt["RequestHeaders"]}
        assert {name: headers[name] for name in ("X-Key", "X-Region", "X-Team", "authorization")} == {
            "X-Key": MASK, "X-Region": "eu", "X-Team": "blue", "authorization": f"Bearer {MASK}",
        }  # fmt: skip
        assert attempt["Url"] == receiver.url(f"/hooks/{MASK}?…")
    served.ok("PUT", path(made), {"PlainHeaders": []})
    attempt = served.ok("GET", f"/v2/manage/deliveries/{row['Id']}")["Lines"][0]["Attempt"]
    assert {"Name": "X-Team", "Value": MASK} in attempt["RequestHeaders"]


def test_a_mask_without_a_stored_value_is_refused(made: Any, shared: Served) -> None:
    refused(shared, made, {"Headers": {"X-Other": MASK}}, "Headers.X-Other", "a value")
    refused(shared, made, {"QueryParams": {"SIG": MASK}}, "QueryParams.SIG", "a value")
    status, answer = shared.call("POST", WEBHOOKS, FULL | {"Headers": {"X-Key": MASK}})
    assert (status, answer["Field"]) == (400, "Headers.X-Key")


@pytest.mark.parametrize(
    "url",
    ["https://two.example.com/hook", "https://one.example.com:8443/hook", "https://one.example.com.evil.com/"],
)
def test_another_host_needs_every_secret_again(made: Any, shared: Served, url: str) -> None:
    move: dict[str, Any] = {"TargetUrl": url}
    again = "another host"
    refused(shared, made, move, "Headers.X-Key", again)
    refused(shared, made, move | {"Headers": made["Headers"]}, "Headers.X-Key", again)
    move |= {"Headers": {"X-Key": "k1", "X-Region": "eu"}}
    refused(shared, made, move, "QueryParams.sig", again)
    move |= {"QueryParams": None}
    refused(shared, made, move, "Authentication.BearerToken.Token", again)
    kept = {"AuthType": "Bearer", "BearerToken": {"Token": ""}}
    refused(shared, made, move | {"Authentication": kept}, "Authentication.BearerToken.Token", again)
    assert shared.ok("GET", path(made)) == made
    moved = shared.ok("PUT", path(made), move | {"Authentication": BEARER})
    assert (moved["TargetUrl"], moved["Headers"]) == (url, {"X-Key": MASK, "X-Region": "eu"})


def test_the_same_host_keeps_them(made: Any, shared: Served) -> None:
    for url in ("https://ONE.example.com:443/other?path=1", "https://one.example.com"):
        assert shared.ok("PUT", path(made), {"TargetUrl": url})["Headers"]["X-Key"] == MASK


def test_a_stored_password_does_not_move_either(shared: Served) -> None:
    made = shared.ok("POST", WEBHOOKS, {"Event": "Login", "TargetUrl": URL, "Authentication": BASIC})
    move = {"TargetUrl": "https://two.example.com/"}
    refused(shared, made, move, "Authentication.BasicAuth.Password", "another host")
    refused(
        shared, made, move | {"Authentication": made["Authentication"]}, "Authentication.BasicAuth.Password", ""
    )
    for let_go in ({"Authentication": None}, {"Authentication": BASIC}):
        assert shared.ok("PUT", path(made), move | let_go)
    shared.ok("DELETE", path(made))


def test_what_is_to_be_shown_is_given_again(made: Any, shared: Served) -> None:
    """Or whoever may change a webhook could read what it keeps."""
    refused(shared, made, {"PlainHeaders": ["X-KEY"]}, "Headers.X-Key", "to be shown")
    refused(shared, made, {"PlainQueryParams": ["Sig"]}, "QueryParams.sig", "to be shown")
    refused(shared, made, {"PlainHeaders": ["X-KEY"], "Headers": made["Headers"]}, "Headers.X-Key", "to be shown")
    given = {"PlainHeaders": ["X-KEY"], "Headers": {"X-Key": "known"}}
    assert shared.ok("PUT", path(made), given)["Headers"] == {"X-Key": "known"}
    hidden = shared.ok("PUT", path(made), {"PlainHeaders": None})
    assert (hidden["Headers"], hidden["PlainHeaders"]) == ({"X-Key": MASK}, [])
