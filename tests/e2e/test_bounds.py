"""What no store and no receiver can hold is refused when it is set; what older versions let in keeps working."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import apsw
import msgspec
import pytest

from harness import Receiver, Served, until

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
WEBHOOKS = "/v2/manage/webhooks"
HOOK = {"Event": "Login", "TargetUrl": "https://example.com/hook"}


def refused(served: Served, path: str, body: bytes | dict[str, Any], field: str, code: int = 7900) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer = served.call("POST", path, raw=raw)
    assert (status, answer["ErrorCode"]) == (413 if code == 7913 else 400, code), answer
    assert answer["Field"] == field, answer


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(field, number) for field in ("Timeout", "RateLimit", "MaxConcurrency") for number in (
            "1e-300", "-0.0", "1e308", "1e400", "9223372036854775808", "18446744073709551616", "1" + "0" * 5000,
        )],
        *[("RetrySchedule", f"[{number}]") for number in (
            "1e-300", "0.0004", "-1", "604801", "1e308", "1e400", "18446744073709551616", "1" + "0" * 5000,
        )],
        ("RetrySchedule", json.dumps([1] * 51)),
        ("Timeout", "NaN"), ("RateLimit", "Infinity"),
    ],
)  # fmt: skip
def test_numbers_nobody_can_keep(shared: Served, field: str, value: str) -> None:
    body = json.dumps(HOOK)[:-1].encode() + f', "{field}": {value}}}'.encode()
    status, answer = shared.call("POST", WEBHOOKS, raw=body)
    assert (status, answer["ErrorCode"] in {7900, 7914}) == (400, True), answer


@pytest.mark.parametrize("number", ["9223372036854775808", "18446744073709551616", "1" + "0" * 5000, "-1e400"])
def test_numbers_where_anything_goes(shared: Served, number: str) -> None:
    """A filter and a payload take any JSON: such numbers are refused or work, and never are our fault."""
    event_filter = f'{{"Data.NoOfLogins": {{"$gt": {number}}}}}'
    bodies = {
        WEBHOOKS: json.dumps(HOOK)[:-1] + f', "Filter": {event_filter}}}',
        "/v2/manage/filters/try": f'{{"Filter": {event_filter}}}',
    }
    made = shared.ok("POST", WEBHOOKS, HOOK)["Id"]
    bodies[f"{WEBHOOKS}/{made}/test"] = f'{{"Data": {{"Uid": "u", "Odd": {number}}}}}'
    bodies["/v2/manage/jobs"] = (
        f'{{"Kind": "replay", "WebhookId": "{made}", "DryRun": true, "Filter": {event_filter}}}'
    )
    for path, body in bodies.items():
        status, answer = shared.call("POST", path, raw=body.encode())
        assert status in (200, 400), (path, answer)
    shared.ok("DELETE", f"{WEBHOOKS}/{made}")
    status, answer = shared.call("POST", "/v2/manage/secrets", {"Name": "big"})
    raw = f'{{"OverlapHours": {number}}}'.encode()
    assert shared.call("POST", "/v2/manage/secrets/big/rotate", raw=raw)[0] == 400
    shared.ok("DELETE", "/v2/manage/secrets/big")
    for body in (f'{{"WebhooksPerEvent": {number}}}', f'{{"CallsPerSecond": {number}}}'):
        assert shared.call("PUT", "/v2/manage/settings", raw=body.encode())[0] == 400


@pytest.mark.parametrize(
    "date", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "10000-01-01T00:00:00Z",
             "2026-01-31T09:30:00." + "1" * 40 + "Z"]
)  # fmt: skip
def test_dates_nobody_can_write(shared: Served, date: str) -> None:
    refused(shared, "/v2/manage/keys", {"Name": "k", "Scopes": ["manage:read"], "Expires": date}, "Expires")
    refused(shared, "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}, "Time": date}, "Time")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Headers": {f"X-{n}": "v" for n in range(51)}}, "Headers"),
        ({"Headers": {"X-A": "v" * 4097}}, "Headers.X-A"),
        ({"Headers": {f"X-{n}": "v" * 4000 for n in range(3)}}, "Headers"),
        ({"Headers": {"X" * 129: "v"}}, f"Headers.{'X' * 60}"),
        ({"QueryParams": {f"p{n}": "v" for n in range(51)}}, "QueryParams"),
        ({"QueryParams": {"p": "v" * 1025}}, "QueryParams.p"),
        ({"QueryParams": {"p" * 129: "v"}}, f"QueryParams.{'p' * 60}"),
        ({"QueryParams": {f"p{n}": "v" * 1000 for n in range(5)}}, "QueryParams"),
        ({"QueryParams": {"p": "é" * 700}}, "QueryParams"),  # twelve characters for two, encoded
        ({"TargetUrl": "https://example.com/" + "a" * 2000, "QueryParams": {"p": "v" * 1000, "q": "v" * 1000}},
         "QueryParams"),
        ({"PlainHeaders": [f"X-{n}" for n in range(51)]}, "PlainHeaders"),
        ({"PlainHeaders": ["X A"]}, "PlainHeaders[0]"),
        ({"PlainQueryParams": ["a", ""]}, "PlainQueryParams[1]"),
        ({"Events": ["Login"] * 101}, "Events"),
        ({"Filter": {"Data.Uid": {"$in": ["v" * 100] * 200}}}, "Filter"),
        ({"Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "u" * 1025, "Password": "p"}}},
         "Authentication.BasicAuth.Username"),
    ],
)  # fmt: skip
def test_what_is_added_to_requests_has_bounds(shared: Served, change: dict[str, Any], field: str) -> None:
    refused(shared, WEBHOOKS, HOOK | change, field)


def test_the_head_of_the_largest_request_is_taken_by_usual_servers(serve: Serve, receive: Receive) -> None:
    """nginx and Apache take lines of 8 KB, gunicorn a request line of 4,094 bytes, Node.js headers of 16 KB."""
    served, receiver = serve(), receive()
    path = "/" + "a" * (2048 - len(receiver.url("/")))
    largest = {
        "TargetUrl": receiver.url(path),
        "Headers": {"X-A": "v" * 4096, "X-B": "v" * 4078},
        "QueryParams": {"p": "v" * 1000, "q": "v" * 936},
        "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "u" * 1024, "Password": "p" * 4096}},
    }
    made = served.ok("POST", WEBHOOKS, HOOK | largest)
    assert served.ok("POST", f"{WEBHOOKS}/{made['Id']}/test", {})["Delivered"]
    (request,) = receiver.requests
    lines = [f"POST {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    assert len(lines[0]) <= 4_094
    assert max(map(len, lines)) <= 8_190
    assert sum(len(line) + 2 for line in lines[1:]) <= 16_384


def test_what_is_free_is_bounded_by_its_bytes(shared: Served) -> None:
    made = shared.ok("POST", WEBHOOKS, HOOK)["Id"]
    large = {"Uid": "u", "About": "x" * 300_000}
    for path, body in (
        (f"{WEBHOOKS}/{made}/test", {"Data": large}),
        ("/v2/events", {"Event": "Login", "Data": large}),
    ):
        refused(shared, path, body, "Data", 7913)
    wide = {"Filter": {"Data.Uid": {"$in": ["v" * 100] * 200}}}
    refused(shared, "/v2/manage/filters/try", wide, "Filter")
    refused(shared, "/v2/manage/jobs", wide | {"Kind": "replay", "WebhookId": made}, "Filter")
    objects = "/identity/v2/manage/account/u1/customobject?objectname=o"
    assert shared.call("POST", objects, {"a": "x" * 300_000})[0] == 413
    shared.ok("DELETE", f"{WEBHOOKS}/{made}")


def test_a_secret_has_few_versions_at_a_time(shared: Served) -> None:
    """Each of them signs every request, and all their signatures are in one header."""
    shared.ok("POST", "/v2/manage/secrets", {"Name": "turning"})
    path = "/v2/manage/secrets/turning/rotate"
    for _ in range(9):
        shared.ok("POST", path, {"OverlapHours": 168})
    refused(shared, path, {"OverlapHours": 168}, "OverlapHours")
    assert len(shared.ok("POST", path, {"OverlapHours": 0})["Versions"]) > 1
    assert shared.ok("POST", path, {"OverlapHours": 168})
    shared.ok("DELETE", "/v2/manage/secrets/turning")


@pytest.mark.stores("sqlite")
def test_what_was_stored_before_works_and_a_change_brings_it_within(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    made = served.ok("POST", WEBHOOKS, HOOK | {"TargetUrl": receiver.url(), "Name": "old"})
    assert served.stop() == 0
    headers = {f"X-{n}": "v" * 10 for n in range(70)}
    connection = apsw.Connection(str(served.folder / "outrider.db"))
    document = msgspec.msgpack.decode(connection.execute("SELECT document FROM webhook").get)
    document |= {"target_url": receiver.url(), "headers": headers, "sealed": None}
    connection.execute("UPDATE webhook SET sealed = 0, document = ?", (msgspec.msgpack.encode(document),))
    connection.close()
    served.start()

    path = f"{WEBHOOKS}/{made['Id']}"
    assert len(served.ok("GET", path)["Headers"]) == 70
    assert served.ok("PUT", path, {"Name": "older"})["Name"] == "older"
    served.ok("POST", f"{path}/pause")
    served.ok("POST", f"{path}/resume")
    served.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    assert until(lambda: receiver.requests)[0].headers["x-69"] == "v" * 10
    shown = served.ok("GET", path)
    status, answer = served.call("PUT", path, shown)
    assert (status, answer["Field"], answer["Given"]) == (400, "Headers", "70")
    fewer = dict(list(shown["Headers"].items())[:50])
    assert served.ok("PUT", path, {"Headers": fewer})["Headers"] == fewer
