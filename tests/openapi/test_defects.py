"""What generated requests found, each held down by a test of its own."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
import uuid
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

import postgres
from harness import API_KEY, API_SECRET, Served, until
from openapi.reading import content, validator
from outrider.app import wellformed
from outrider.domain.clock import iso, parse_iso
from outrider.domain.envelope import decoded
from outrider.domain.errors import InvalidField
from outrider.domain.target import check_target_url

slow = pytest.mark.slow
OBJECTS = "/identity/v2/manage/account/{}/customobject"
CREDENTIALS = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
HOOKS = "/v2/manage/webhooks"
HUGE, LONG = b"1e400", b"1" + b"0" * 5_000  # numbers that fit into no float, and into no integer Python reads


def nested(levels: int) -> bytes:
    """JSON that many levels deep, alternately arrays and objects."""
    pairs = [(b'{"a":', b"}") if level % 2 else (b"[", b"]") for level in range(levels)]
    return b"".join(p[0] for p in pairs) + b"1" + b"".join(p[1] for p in reversed(pairs))


def login(extra: bytes) -> bytes:
    return b'{"Event":"Login","Data":{"Uid":"u","x":' + extra + b"}}"


def refused(  # noqa: PLR0917 - reads as the table it checks
    served: Served, method: str, path: str, raw: bytes | None, code: int, field: str
) -> None:
    status, answer = served.call(method, path, raw=raw)
    assert (status, answer["ErrorCode"], answer["Field"]) == (400, code, field), answer


@pytest.mark.parametrize("levels", [1, 60, wellformed.DEEPEST])
def test_nesting_up_to_the_limit_is_well_formed(levels: int) -> None:
    wellformed.check(nested(levels), "Data")


@pytest.mark.parametrize("levels", [wellformed.DEEPEST + 1, 5_000])
def test_deeper_nesting_is_not(levels: int) -> None:
    with pytest.raises(InvalidField, match="at most 100 levels"):
        wellformed.check(nested(levels), "Data")


def test_brackets_in_strings_and_beside_each_other_nest_nothing() -> None:
    wellformed.check(b'["' + b"[{" * 5_000 + b'\\"[[["]', "Data")
    wellformed.check(b"[" + b",".join([b"[{}]"] * 500) + b"]", "Data")
    wellformed.check(b"[" * 5_000, "Data")  # not JSON: its decoder says so


@slow
@pytest.mark.parametrize("levels", [wellformed.DEEPEST + 10, 980, 50_000])
def test_bodies_nested_too_deeply_are_the_callers_fault(shared: Served, levels: int) -> None:
    for path in (HOOKS, "/v2/manage/secrets", "/v2/operations"):
        refused(shared, "POST", path, nested(levels), 7914, "body")
    refused(shared, "POST", "/v2/manage/filters/try", b'{"Filter":' + nested(levels) + b"}", 7914, "body")
    status, answer = shared.call("POST", "/v2/events", raw=login(nested(levels)))
    assert (status, answer["Field"]) in {(400, "Data"), (400, "body")}


@slow
def test_bytes_that_are_no_utf_8_are_refused_also_where_no_field_is_known(shared: Served) -> None:
    for extra in (b'"\xff"', b'{"\xff":1}', b'"\xed\xa0\x80"'):
        refused(shared, "POST", "/v2/events", login(extra), 7900, "Data")


def test_numbers_beyond_64_bits_are_read_as_infinite() -> None:
    assert decoded(b'{"a":[' + HUGE + b",-1e999," + LONG + b",1.5,7]}") == {
        "a": [float("inf"), float("-inf"), float("inf"), 1.5, 7]
    }


@slow
def test_an_event_with_such_numbers_stops_no_filter(shared: Served) -> None:
    subject = uuid.uuid4().hex
    raw = login(HUGE).replace(b'"u"', b'"%s"' % subject.encode())
    assert shared.call("POST", "/v2/events", raw=raw)[0] == 202
    found = shared.ok("POST", "/v2/manage/filters/try", {"Filter": {"Data.Uid": subject, "Data.x": {"$gt": 5}}})
    assert found["Matched"] == 1
    update = b'{"Event":"UpdateProfile","Data":{"Uid":"u","x":1e400},"Previous":{"Uid":"u","x":1}}'
    status, answer = shared.call("POST", "/v2/events", raw=update)
    assert status == 202
    payload = shared.ok("GET", f"/v2/manage/events/{answer['Data'][0]['Id']}")["Payload"]
    assert payload["ModifiedFields"] == ["x"]


@slow
@pytest.mark.parametrize("number", [HUGE, LONG])
def test_in_configuration_such_numbers_are_refused(shared: Served, number: bytes) -> None:
    refused(shared, "POST", HOOKS, b'{"Timeout":' + number + b"}", 7900, "body")
    refused(shared, "POST", "/v2/manage/secrets/x/rotate", b'{"OverlapHours":' + number + b"}", 7900, "body")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_instants_that_no_date_shows_are_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        parse_iso(text, "Time")


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00.000Z", "0999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"]
)
def test_the_first_and_the_last_instants_are_shown_as_they_were_given(text: str) -> None:
    assert iso(parse_iso(text, "Time")) == text


def test_milliseconds_survive() -> None:
    start = int(datetime(2026, 1, 31, tzinfo=UTC).timestamp()) * 1000
    assert all(parse_iso(iso(at), "Time") == at for at in range(start, start + 5_000))


@slow
def test_instants_out_of_reach_are_refused_wherever_one_is_named(shared: Served) -> None:
    late = "9999-12-31T23:59:59-14:00"
    refused(shared, "POST", "/v2/events", login(b'1},"Time":"%s","Data":{"Uid":"u"' % late.encode()), 7900, "Time")
    key = b'{"Name":"late","Scopes":["manage:read"],"Expires":"%s"}' % late.encode()
    refused(shared, "POST", "/v2/manage/keys", key, 7900, "Expires")
    refused(shared, "GET", f"/v2/manage/events?since={quote(late)}", None, 7900, "since")
    assert "late" not in {key["Name"] for key in shared.ok("GET", "/v2/manage/keys")["Data"]}


@slow
@pytest.mark.parametrize("key", ["9" * 30, "²", "-1", "", "x\0", "g"])
@pytest.mark.parametrize("path", ["events", "deliveries", "jobs"])
def test_cursors_of_other_lists_are_refused(shared: Served, path: str, key: str) -> None:
    cursor = urlsafe_b64encode(key.encode()).decode()
    refused(shared, "GET", f"/v2/manage/{path}?cursor={cursor}", None, 7900, "cursor")


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example.com", ".", "a" * 300])
def test_hosts_that_cannot_be_dialled_are_refused_when_they_are_set(host: str) -> None:
    with pytest.raises(InvalidField):
        check_target_url(f"https://{host}/")


@pytest.mark.parametrize("host", ["b%C3%BCcher.example", "bücher.example", "[::1]:8443", "127.0.0.1", "a.b."])
def test_hosts_that_can_are_not(host: str) -> None:
    assert check_target_url(f"https://{host}/hook")


@slow
def test_nul_and_over_long_names_are_refused(shared: Served) -> None:
    refused(shared, "GET", "/v2/manage/webhooks/a%00b", None, 7900, "path")
    refused(shared, "GET", "/v2/manage/events?subject=%00", None, 7900, "query")
    refused(shared, "POST", "/v2/events?prevent_webhook=%00", login(b"1"), 7900, "query")
    refused(shared, "POST", "/v2/events", b'{"Event":"Login","Data":{"Uid":"\\u0000"}}', 7900, "Data")
    refused(shared, "POST", "/v2/events", b'{"Event":"Login","Data":{"Uid":"%s"}}' % (b"u" * 257), 7900, "Data")
    named = b'{"Event":"Login","Subject":"a\\u0000","Data":{"Uid":"u"}}'
    refused(shared, "POST", "/v2/events", named, 7900, "Subject")
    hook = shared.ok("POST", HOOKS, {"Event": "Login", "TargetUrl": "https://localhost:1/", "Enabled": False})["Id"]
    job = b'{"Kind":"replay","WebhookId":"%s","Subject":"%s"}'
    refused(shared, "POST", "/v2/manage/jobs", job % (hook.encode(), b"\\u0000"), 7900, "Subject")
    refused(shared, "POST", "/v2/manage/jobs", job % (hook.encode(), b"s" * 257), 7900, "Subject")
    refused(shared, "POST", f"{HOOKS}/{hook}/test", b'{"Data":{"Uid":"%s"}}' % (b"u" * 257), 7900, "Data")
    shared.ok("DELETE", f"{HOOKS}/{hook}")


@slow
def test_an_absent_body_is_an_empty_object(shared: Served) -> None:
    hook = shared.ok("POST", HOOKS, {"Event": "Login", "TargetUrl": "https://localhost:1/", "Enabled": False})["Id"]
    assert shared.call("POST", f"{HOOKS}/{hook}/test", raw=b"")[0] == 200
    refused(shared, "POST", HOOKS, b"", 1086, "Event")
    refused(shared, "POST", f"{HOOKS}/{hook}/test", b'{"Event":""}', 1086, "Event")
    shared.ok("DELETE", f"{HOOKS}/{hook}")


@slow
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", HOOKS, "GET, POST"),
        ("OPTIONS", HOOKS, "GET, POST"),
        ("PATCH", f"{HOOKS}/x", "DELETE, GET, PUT"),
        ("OPTIONS", "/health", "GET"),
        ("GET", "/v2/events", "POST"),
        ("OPTIONS", "/v2/operations", "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_which_it_takes(
    shared: Served, method: str, path: str, allowed: str
) -> None:
    request = urllib.request.Request(shared.url + path, headers=CREDENTIALS, method=method)
    with pytest.raises(urllib.error.HTTPError) as raised:
        shared.opener.open(request, timeout=30)
    with raised.value as answer:
        assert (answer.code, answer.headers["allow"]) == (405, allowed)
        assert b'"ErrorCode":7905' in answer.read()


@slow
@pytest.mark.parametrize(
    ("option", "field"),
    [
        ('"Ordering":""', "Ordering"),
        ('"Authentication":{"BearerToken":{"Token":"\\u0001"}}', "Authentication.BearerToken.Token"),
        ('"Authentication":{"AuthType":"None","BasicAuth":{"Password":"é"}}', "Authentication.BasicAuth.Password"),
        (
            '"Authentication":{"AuthType":"Bearer","BasicAuth":{"Username":"a:b"},"BearerToken":{"Token":"t"}}',
            "Authentication.BasicAuth.Username",
        ),
    ],
)
def test_what_an_option_does_not_use_has_to_be_usable_too(shared: Served, option: str, field: str) -> None:
    raw = '{"Event":"Login","TargetUrl":"https://localhost:1/",' + option + "}"
    refused(shared, "POST", HOOKS, raw.encode(), 7900, field)


@slow
def test_a_body_that_is_too_large_says_so(shared: Served) -> None:
    host, port = shared.url.removeprefix("http://").split(":")
    credentials = "".join(f"{name}: {value}\r\n" for name, value in CREDENTIALS.items())
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        peer.sendall(f"POST {HOOKS} HTTP/1.1\r\nhost: x\r\n{credentials}content-length: 1100000\r\n\r\n".encode())
        answer = b""
        while part := peer.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"ErrorCode":7913' in answer


@slow
@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ("?prevent_webhook=1", {"X-PreventWebhook": "false"}, "prevent_webhook"),
        ("?prevent_webhook=", {}, "prevent_webhook"),
        ("?prevent_webhook=true", {"X-PreventWebhook": "yes"}, "X-PreventWebhook"),
    ],
)
def test_prevention_is_checked_also_where_it_does_not_win(
    shared: Served, query: str, headers: dict[str, Any], field: str
) -> None:
    status, answer = shared.call("POST", f"/v2/events{query}", raw=login(b"1"), headers=CREDENTIALS | headers)
    assert (status, answer["Field"]) == (400, field)


@slow
def test_the_name_of_an_unknown_field_comes_back_at_no_length(shared: Served) -> None:
    for path in (HOOKS, "/v2/events", "/v2/manage/settings"):
        method = "PUT" if path.endswith("settings") else "POST"
        status, answer = shared.call(method, path, {"Event": "Login", "Data": {"Uid": "u"}, "x" * 5_000: 1})
        assert status == 400
        assert len(json.dumps(answer)) < 2_000


@slow
@pytest.mark.parametrize("kind", [None, "None", "Basic", "Bearer"])
@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"BearerToken": {"Token": "é"}}, "Authentication.BearerToken.Token"),
        ({"BasicAuth": {"Username": "a:b"}}, "Authentication.BasicAuth.Username"),
        ({"BasicAuth": {"Username": "u", "Password": "\n"}}, "Authentication.BasicAuth.Password"),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused_also_where_others_would_be(
    shared: Served, kind: str | None, part: dict[str, Any], field: str
) -> None:
    hook = {"Event": "Login", "TargetUrl": "https://localhost:1/", "Authentication": {"AuthType": kind} | part}
    refused(shared, "POST", HOOKS, json.dumps(hook).encode(), 7900, field)


def nul_everywhere() -> list[tuple[str, str, Any, str, int]]:
    """Every text of a caller that a store may get to see, with a NUL in it: method, path, body, field, code."""
    nul = "a\0b"
    hook = {"Event": "Login", "TargetUrl": "https://localhost:1/", "Enabled": False}
    basic = {"AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "p"}}
    bearer = {"AuthType": "Bearer", "BearerToken": {"Token": nul}}
    changes: list[tuple[dict[str, Any], str, int]] = [
        ({"Name": nul}, "Name", 7900),
        ({"Event": nul}, "Event", 1086),
        ({"TargetUrl": "https://localhost:1/\0"}, "TargetUrl", 1087),
        ({"SecretName": nul}, "SecretName", 7900),
        ({"Headers": {"X-A": nul}}, "Headers.X-A", 7900),
        ({"Headers": {nul: "1"}}, f"Headers.{nul}", 7900),
        ({"QueryParams": {"a": nul}}, "QueryParams.a", 7900),
        ({"QueryParams": {nul: "1"}}, "QueryParams.ab", 7900),
        ({"Authentication": bearer}, "Authentication.BearerToken.Token", 7900),
        (
            {"Authentication": basic | {"BasicAuth": {"Username": nul, "Password": "p"}}},
            "Authentication.BasicAuth.Username",
            7900,
        ),
        ({"Ordering": nul}, "Ordering", 7900),
    ]
    return [
        *(("POST", HOOKS, hook | change, field, code) for change, field, code in changes),
        ("POST", "/api/v2/webhook", {"Event": nul, "TargetUrl": "https://localhost:1/"}, "Event", 1086),
        (
            "POST",
            "/api/v2/webhook",
            {"Event": "Login", "TargetUrl": f"https://localhost:1/{nul}"},
            "TargetUrl",
            1087,
        ),
        ("GET", "/api/v2/webhook?event=a%00b", None, "query", 908),
        ("POST", "/v2/manage/secrets", {"Name": nul}, "Name", 7900),
        ("POST", "/v2/manage/secrets", {"Name": "nul", "Value": "0123456789abcdef\0"}, "Value", 7900),
        ("GET", "/v2/manage/secrets/a%00b", None, "path", 7900),
        ("POST", "/v2/manage/keys", {"Name": nul, "Scopes": ["manage:read"]}, "Name", 7900),
        ("DELETE", "/v2/manage/keys/a%00b", None, "path", 7900),
        ("GET", "/v2/manage/deliveries?eventid=%00", None, "query", 7900),
        ("POST", "/v2/manage/filters/try", {"Filter": {"Data.Uid": "u"}, "Events": [nul]}, "Events[0]", 1086),
        ("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": nul}}, "Data", 7900),
        ("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}, "Subject": nul}, "Subject", 7900),
        ("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}, "Id": nul}, "Id", 7900),
        ("POST", OBJECTS.format("a%00b") + "?objectname=orders", {}, "path", 7900),
        ("POST", OBJECTS.format("u") + "?objectname=a%00b", {}, "query", 7900),
        ("GET", OBJECTS.format("u") + "/a%00b?objectname=orders", None, "path", 7900),
        ("PUT", OBJECTS.format("u") + "/a?objectname=orders&updatetype=%00", {}, "query", 7900),
    ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An Outrider on either store."""
    settings = {}
    if request.param == "postgresql":
        server: postgres.Postgres = request.getfixturevalue("postgres_server")
        settings = {"OUTRIDER_STORE": server.database(), "OUTRIDER_ROOT_KEY": b64encode(b"r" * 32).decode()}
    served = Served(tmp_path_factory.mktemp("either"), **settings).start()
    yield served
    served.stop()


@slow
@pytest.mark.parametrize(("call", "field", "code"), [(call[:3], *call[3:]) for call in nul_everywhere()])
def test_no_nul_reaches_a_store(either: Served, call: tuple[str, str, Any], field: str, code: int) -> None:
    method, path, body = call
    status, answer = either.call(method, path, body)
    assert (answer["ErrorCode"], answer["Field"]) == (code, field), answer
    assert status == (403 if path.startswith("/api/v2/") else 400)


@slow
def test_what_is_kept_as_bytes_may_hold_one(either: Served) -> None:
    uid = uuid.uuid4().hex
    made = either.ok("POST", OBJECTS.format(uid) + "?objectname=orders", {"a\0": "b\0"})
    assert either.ok("GET", OBJECTS.format(uid) + f"/{made['Id']}?objectname=orders")["CustomObject"] == {
        "a\0": "b\0"
    }
    accepted = either.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": uid, "FirstName": "\0"}})
    event = either.ok("GET", f"/v2/manage/events/{accepted['Data'][0]['Id']}")
    assert event["Payload"]["Data"]["FirstName"] == "\0"
    found = either.ok("POST", "/v2/manage/filters/try", {"Filter": {"Data.FirstName": "\0", "Data.Uid": uid}})
    assert found["Matched"] == 1


@slow
@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (HOOKS, HOOKS),
        ("/api/v2/webhook/test", "/api/v2/webhook/test"),
        (OBJECTS.format("u") + "?objectname=orders", OBJECTS.format("{uid}")),
    ],
)
def test_too_many_calls_are_answered_as_documented(
    shared: Served, document: dict[str, Any], path: str, operation: str
) -> None:
    described = document["paths"][operation]["get"]
    answer = document["components"]["responses"][described["responses"]["429"]["$ref"].rpartition("/")[2]]
    schema = validator(document, content(document, described, 429)["schema"])
    retry_after = validator(document, answer["headers"]["Retry-After"]["schema"])
    try:
        shared.ok("PUT", "/v2/manage/settings", {"CallsPerSecond": 1})
        refusal = until(lambda: refused_call(shared, path), 5)
        with refusal:
            assert refusal.code == 429
            schema.validate(json.loads(refusal.read()))
            retry_after.validate(int(refusal.headers["retry-after"]))
    finally:
        until(lambda: shared.call("PUT", "/v2/manage/settings", {"CallsPerSecond": None})[0] == 200)


def refused_call(served: Served, path: str) -> urllib.error.HTTPError | None:
    request = urllib.request.Request(served.url + path, headers=CREDENTIALS)
    try:
        served.opener.open(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        return error
    return None
