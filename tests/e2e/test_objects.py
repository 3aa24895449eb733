"""Custom objects over the API: each call with its event, each refusal without one."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from at_rest import at_rest
from harness import API_KEY, API_SECRET, Receiver, Served, until
from outrider.domain.custom_object import MOST_RECORDS
from outrider.domain.redaction import MASK
from outrider.domain.signing import loginradius_signature

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
FIELDS = ["Id", "IsActive", "DateCreated", "DateModified", "IsDeleted", "Uid", "CustomObject"]


def path(uid: str, record: str = "", query: str = "objectname=orders") -> str:
    return f"/identity/v2/manage/account/{uid}/customobject{record and '/'}{record}?{query}"


def events(served: Served, uid: str) -> list[tuple[str, Any]]:
    """(type, Data) of the user's events, oldest first."""
    found = served.ok("GET", f"/v2/manage/events?subject={uid}&limit=200")["Data"]
    return [(one["Event"], one["Payload"]["Data"]) for one in reversed(found)]


def refused(served: Served, call: tuple[Any, ...], status: int, code: int, field: str) -> None:
    method, where, body = call
    raw = body if isinstance(body, bytes) else None
    found, answer = served.call(method, where, None if raw is not None else body, raw=raw)
    assert (found, answer["ErrorCode"], answer["Field"]) == (status, code, field), answer
    assert answer["Message"]
    assert answer["Description"].startswith(f"{field}: expected ")
    assert not answer["IsProviderError"]


@pytest.fixture
def uid() -> str:
    return f"User_{uuid.uuid4().hex}"


def test_a_record_lives_and_every_change_tells(shared: Served, uid: str) -> None:
    content = {"first": "first", "two": "two", "three": ["a", "b", "c"]}
    made = shared.ok("POST", path(uid), content)
    assert list(made) == FIELDS
    assert (made["Uid"], made["CustomObject"], made["IsActive"], made["IsDeleted"]) == (uid, content, True, False)
    assert made["DateCreated"] == made["DateModified"]
    assert shared.ok("GET", path(uid)) == {"data": [made], "Count": 1}
    assert shared.ok("GET", path(uid, made["Id"])) == made

    # LoginRadius' own example of a partial update.
    part = {"two": "updatevalue", "four": "addvalue"}
    partly = shared.ok("PUT", path(uid, made["Id"], "objectname=orders&updatetype=partialreplace"), part)
    assert list(partly["CustomObject"].items()) == list((content | part).items())
    assert (partly["Id"], partly["DateCreated"]) == (made["Id"], made["DateCreated"])
    assert partly["DateModified"] > made["DateModified"]
    wholly = shared.ok("PUT", path(uid, made["Id"], "objectname=orders&updatetype=replace"), {"New": None})
    assert wholly["CustomObject"] == {"New": None}
    assert shared.ok("GET", path(uid, made["Id"])) == wholly

    assert shared.ok("DELETE", path(uid, made["Id"])) == {"IsDeleted": True}
    assert shared.ok("GET", path(uid)) == {"data": [], "Count": 0}
    assert events(shared, uid) == [
        ("CreateCustomObject", made),
        ("UpdateCustomObject", partly),
        ("UpdateCustomObject", wholly),
        ("DeleteCustomObject", wholly),
    ]


def test_the_receiver_gets_it_signed(serve: Serve, receive: Receive, uid: str) -> None:
    served, receiver = serve(), receive()
    hook = {
        "Events": ["CreateCustomObject", "UpdateCustomobject"],
        "TargetUrl": receiver.url(),
        "Ordering": "subject",
    }
    served.ok("POST", "/v2/manage/webhooks", hook)
    made = served.ok("POST", path(uid), {"Größe": "38½"})
    changed = served.ok("PUT", path(uid, made["Id"]), {"n": 1})
    served.ok("DELETE", path(uid, made["Id"]))
    until(lambda: len(receiver.requests) == 2)
    for request, name, data in zip(
        receiver.requests, ["createcustomobject", "updatecustomobject"], [made, changed], strict=True
    ):
        body = json.loads(request.body)
        assert list(body) == ["HookName", "HookId", "Data", "Time"]
        assert (body["HookName"], body["Data"], list(body["Data"])) == (name, data, FIELDS)
        assert request.headers["signature"] == loginradius_signature(API_SECRET, request.body)
    assert "Größe".encode() in receiver.requests[1].body


def test_names_match_in_any_case_and_uids_do_not(shared: Served, uid: str) -> None:
    made = shared.ok(
        "POST", f"/Identity/V2/Manage/Account/{uid}/customObject?ObjectName=My_Orders", {"Key": {"kEY": 1}}
    )
    assert made["Uid"] == uid
    assert list(made["CustomObject"]["Key"]) == ["kEY"]
    where = path(uid, made["Id"].upper(), "OBJECTNAME=MY_ORDERS")
    assert shared.ok("GET", where) == made
    assert shared.ok("PUT", where + "&UpdateType=Replace", {"a": 1})["CustomObject"] == {"a": 1}
    assert shared.ok("GET", path(uid.lower(), query="objectname=my_orders"))["Count"] == 0
    assert shared.ok("GET", path(uid, query="objectname=orders"))["Count"] == 0
    refused(
        shared, ("GET", path(uid.lower(), made["Id"], "objectname=my_orders"), None), 403, 1057, "objectrecordid"
    )
    assert [data["Uid"] for _, data in events(shared, uid)] == [uid, uid]


@pytest.mark.parametrize(
    ("update", "kept"), [("", True), ("&updatetype=default", True), ("&updatetype=Replace", False)]
)
def test_what_an_update_keeps(shared: Served, uid: str, update: str, kept: bool) -> None:
    made = shared.ok("POST", path(uid), {"a": {"x": 1, "y": 2}, "b": 1})
    after = shared.ok("PUT", path(uid, made["Id"], "objectname=orders" + update), {"a": {"x": 3}})
    assert after["CustomObject"] == {"a": {"x": 3}} | ({"b": 1} if kept else {})


def test_prevented_events_are_recorded_and_the_header_wins(serve: Serve, receive: Receive, uid: str) -> None:
    served, receiver = serve(), receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "CreateCustomObject", "TargetUrl": receiver.url()})
    credentials = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
    sent = [
        ("&prevent_webhook=true", {}, False),
        ("", {"X-PreventWebhook": "true"}, False),
        ("&prevent_webhook=false", {"X-PreventWebhook": "True"}, False),
        ("&prevent_webhook=true", {"X-PreventWebhook": "false"}, True),
        ("", {}, True),
    ]
    for query, headers, _ in sent:
        where = path(uid, query="objectname=orders" + query)
        assert served.call("POST", where, {"q": query}, headers=credentials | headers)[0] == 200
    found = served.ok("GET", f"/v2/manage/events?subject={uid}")["Data"][::-1]
    reasons = [[s["Reason"] for s in served.ok("GET", f"/v2/manage/events/{e['Id']}")["Skipped"]] for e in found]
    assert reasons == [[] if delivered else ["prevented"] for _, _, delivered in sent]
    until(lambda: len(receiver.requests) == 2)
    assert {request.id for request in receiver.requests} == {e["Id"] for e in found[3:]}
    assert served.ok("GET", path(uid))["Count"] == len(sent)
    where = path(uid, query="objectname=orders&prevent_webhook=perhaps")
    refused(served, ("POST", where, {}), 400, 7900, "prevent_webhook")
    assert served.ok("GET", path(uid))["Count"] == len(sent)


def test_refusals_change_and_tell_nothing(shared: Served, uid: str) -> None:
    made = shared.ok("POST", path(uid), {"a": 1})
    here, gone = path(uid, made["Id"]), path(uid, "65f1b0c4a9d3e27f5c8b1a60")
    large = b'{"a":"' + b"x" * 256 * 1024 + b'"}'
    calls: list[tuple[tuple[Any, ...], int, int, str]] = [
        (("POST", path(uid, query=""), {}), 400, 908, "objectname"),
        (("GET", path(uid, query="objectname="), None), 400, 908, "objectname"),
        (("DELETE", path(uid, made["Id"], ""), {}), 400, 908, "objectname"),
        (("POST", path(uid, query="objectname=a%20b"), {}), 403, 1064, "objectname"),
        (("GET", path("no.body"), None), 403, 1200, "uid"),
        (("POST", path("x" * 51), {}), 403, 1200, "uid"),
        (("POST", path(uid), b"{"), 400, 965, "body"),
        (("POST", path(uid), b""), 400, 965, "body"),
        (("POST", path(uid), b"[1]"), 400, 1035, "body"),
        (("POST", path(uid), b'{"a":1e999}'), 400, 1035, "body"),
        (("POST", path(uid), b'{"a":' + b"[" * 50_000), 400, 1035, "body"),
        (("POST", path(uid), large), 413, 7913, "body"),
        (("PUT", here, b"{"), 400, 1079, "body"),
        (("PUT", here, b'"x"'), 400, 1035, "body"),
        (("PUT", here, large), 413, 7913, "body"),
        (("PUT", here + "&updatetype=merge", {}), 400, 908, "updatetype"),
        (("GET", gone, None), 403, 1057, "objectrecordid"),
        (("PUT", gone, {"a": 2}), 403, 1057, "objectrecordid"),
        (("DELETE", gone, None), 403, 1057, "objectrecordid"),
        (("GET", path(uid, made["Id"], "objectname=carts"), None), 403, 1057, "objectrecordid"),
        (("DELETE", path("Another", made["Id"]), None), 403, 1057, "objectrecordid"),
    ]
    for call, status, code, field in calls:
        refused(shared, call, status, code, field)
    assert shared.ok("GET", path(uid)) == {"data": [made], "Count": 1}
    assert events(shared, uid) == [("CreateCustomObject", made)]
    status, answer = shared.call("PATCH", here, {})
    assert (status, answer["ErrorCode"]) == (405, 7905)


def test_a_record_that_grows_too_large_stays_as_it_was(shared: Served, uid: str) -> None:
    made = shared.ok("POST", path(uid), {"a": "x" * 200_000})
    refused(shared, ("PUT", path(uid, made["Id"]), {"b": "x" * 100_000}), 413, 7913, "body")
    assert shared.ok("GET", path(uid, made["Id"])) == made
    assert shared.ok("PUT", path(uid, made["Id"]), {"a": "y" * 262_000})["CustomObject"] == {"a": "y" * 262_000}


def test_a_user_has_so_many_records_and_lists_are_whole(shared: Served, uid: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: shared.call("POST", path(uid), {"n": n}), range(MOST_RECORDS + 20)))
    made = [answer for status, answer in answers if status == 200]
    assert [(s, a["ErrorCode"], a["Field"]) for s, a in answers if s != 200] == [(403, 1002, "objectname")] * 20
    listed = shared.ok("GET", path(uid))
    assert listed["Count"] == len(listed["data"]) == MOST_RECORDS
    assert {one["Id"] for one in listed["data"]} == {one["Id"] for one in made}
    assert [one["DateCreated"] for one in listed["data"]] == sorted(one["DateCreated"] for one in made)
    assert len(events(shared, uid)) == MOST_RECORDS
    assert shared.call("POST", path(uid, query="objectname=another"), {})[0] == 200


def test_updates_at_the_same_moment_all_survive(shared: Served, uid: str) -> None:
    identity = shared.ok("POST", path(uid), {})["Id"]
    fields = [f"f{n}" for n in range(40)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda f: shared.ok("PUT", path(uid, identity), {f: 1}), fields))
    after = shared.ok("GET", path(uid, identity))["CustomObject"]
    assert after == dict.fromkeys(fields, 1)
    told = [data["CustomObject"] for _, data in events(shared, uid)]
    assert [len(content) for content in told] == list(range(41))
    assert all(told[len(answer["CustomObject"])] == answer["CustomObject"] for answer in answers)


def test_of_deletions_at_the_same_moment_one_counts(shared: Served, uid: str) -> None:
    identity = shared.ok("POST", path(uid), {})["Id"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: shared.call("DELETE", path(uid, identity), {}), range(6)))
    assert sorted(status for status, _ in answers) == [200, *[403] * 5]
    assert [name for name, _ in events(shared, uid)] == ["CreateCustomObject", "DeleteCustomObject"]


def test_secrets_come_back_to_the_owner_alone(serve: Serve, receive: Receive, uid: str) -> None:
    served, receiver = serve(), receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "CreateCustomObject", "TargetUrl": receiver.url()})
    content = {"Password": "hunter2", "Deep": [{"access_token": "hunter2"}], "Plain": "hunter3"}
    made = served.ok("POST", path(uid), content)
    assert made["CustomObject"] == content
    assert served.ok("GET", path(uid))["data"] == [made]
    masked = {"Password": MASK, "Deep": [{"access_token": MASK}], "Plain": "hunter3"}
    assert events(served, uid)[0][1]["CustomObject"] == masked
    assert json.loads(until(lambda: receiver.requests)[0].body)["Data"]["CustomObject"] == masked
    served.stop()
    kept = at_rest(served)
    assert b"hunter2" not in kept
    assert b"hunter3" in kept  # in the event; so the search finds what is there


def test_keys_need_their_scopes(shared: Served, uid: str) -> None:
    allowed = {
        "events:write": [],
        "manage:read": ["GET"],
        "manage:write": ["POST", "DELETE"],
        "manage:read manage:write": ["GET", "PUT", "POST", "DELETE"],
    }
    tokens = {
        scopes: shared.ok("POST", "/v2/manage/keys", {"Name": scopes, "Scopes": scopes.split()})["Token"]
        for scopes in allowed
    }
    for scope, token in tokens.items():
        made = shared.ok("POST", path(uid), {"a": 1})
        calls = [
            ("GET", path(uid)),
            ("PUT", path(uid, made["Id"])),
            ("POST", path(uid)),
            ("DELETE", path(uid, made["Id"])),
        ]
        for method, where in calls:
            status, answer = shared.call(method, where, {}, headers={"Authorization": f"Bearer {token}"})
            assert status == (200 if method in allowed[scope] else 403), (scope, method)
            assert status == 200 or answer["ErrorCode"] == 1143
    status, answer = shared.call("GET", path(uid), headers={"X-LoginRadius-ApiKey": API_KEY})
    assert (status, answer["ErrorCode"]) == (400, 923)
    query = f"apiKey={API_KEY}&objectName=orders"
    status, _ = shared.call("GET", path(uid, query=query), headers={"X-LoginRadius-ApiSecret": API_SECRET})
    assert status == 200  # as LoginRadius' Python SDK sends its credentials


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [('{"a":"é"}'.encode()[:-1], 400, 965), (b'{"a":"' + b"x" * 300_000 + b'"}', 413, 7913)],
)
def test_what_follows_an_unread_body_is_no_request(
    shared: Served, uid: str, body: bytes, status: int, code: int
) -> None:
    """LoginRadius' Node SDK announces characters where bytes are meant, so the end comes after the request."""
    address = urlsplit(shared.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    headers = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
    connection.request("POST", path(uid), body, headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["ErrorCode"]) == (status, code)
    assert answer.getheader("connection") == "close"
    connection.close()
