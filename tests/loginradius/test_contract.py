"""LoginRadius' contract where the Python SDKs do not reach: as other clients send and read it, byte for byte."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import socket
import urllib.parse
from contextlib import suppress
from typing import Any

import pytest
from litestar import Router

from harness import API_KEY, API_SECRET, Served, until
from outrider.api import routes
from outrider.api.wording import client_safe

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # the same above every store
KEYS = f"apikey={API_KEY}&apisecret={API_SECRET}"
HEADERS = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
URL = "https://receiver.example.com/hook"
HOOK = {"Event": "Login", "TargetUrl": URL}
WORDS = (b"description", b"Description", b"errorCode")  # Java's and .NET's signs of an error


def exchange(served: Served, sent: bytes, afterwards: bytes = b"") -> tuple[bytes, bytes, bool]:
    """Sends bytes, and more once there is an answer: its head, its body, whether it closes the connection."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as peer, peer.makefile("rb") as answer:
        peer.sendall(sent)
        head = b"".join(iter(answer.readline, b"\r\n"))
        body = answer.read(int(re.search(rb"content-length: (\d+)", head)[1]))
        if b"connection: close" not in head:
            return head, body, False
        with suppress(ConnectionError):  # a reset is a closed connection too
            peer.sendall(afterwards)
            assert answer.read() == b""
        return head, body, True


def request(method: str, path: str, body: bytes = b"", length: int | None = None, query: str = KEYS) -> bytes:
    size = len(body) if length is None else length
    return f"{method} {path}?{query} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n".encode() + body


@pytest.fixture
def hook(shared: Served) -> Any:
    made = shared.ok("POST", "/v2/manage/webhooks", HOOK | {"Name": "é", "Headers": {"X-A": "1"}})
    yield made
    shared.ok("DELETE", f"/v2/manage/webhooks/{made['Id']}")


def routes_with_bodies() -> list[tuple[str, str]]:
    """Every route whose handler takes a body, and the two of intake."""
    found = [("POST", "/v2/events"), ("POST", "/v2/operations")]
    for module in pkgutil.iter_modules(routes.__path__):
        router: Router = importlib.import_module(f"{routes.__name__}.{module.name}").router
        for route in router.routes:
            for handler in route.route_handlers:
                if "data" in inspect.signature(handler.fn).parameters:
                    path = re.sub(r"\{[^}]*\}", "0" * 24, route.path).rstrip("/")
                    found += [(method, path) for method in handler.http_methods]
    return found


BODIES = routes_with_bodies()


def test_the_routes_with_bodies_are_found() -> None:
    known = {
        ("POST", "/v2/manage/webhooks"),
        ("PUT", f"/v2/manage/webhooks/{'0' * 24}"),
        ("DELETE", "/api/v2/webhook"),
    }
    assert known < set(BODIES)
    assert len(BODIES) >= 13


@pytest.mark.parametrize("tail", ["same packet", "afterwards", "cut inside a character"])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_cut_short_is_refused_and_the_connection_closed(
    shared: Served, method: str, path: str, tail: str
) -> None:
    """LoginRadius' Node SDK counts characters as bytes: what is left over is no request of its own."""
    text = '{"Name":"é","Event":"Login","Data":{"Uid":"ü"}}'
    if tail == "cut inside a character":
        sent = request(method, path, text.encode(), text.encode().index("ü".encode()) + 1)
    else:
        sent = request(method, path, text.encode(), len(text))
    over = len(text.encode()) - len(text)
    pieces = (sent[:-over], sent[-over:]) if tail == "afterwards" else (sent,)
    head, body, closed = exchange(shared, *pieces)
    assert head.startswith(b"HTTP/1.1 400 "), head
    classic = {"POST": 965, "PUT": 1079, "DELETE": 1084}[method]
    assert json.loads(body)["ErrorCode"] == (7914 if path.startswith("/v2/") else classic)
    assert closed


@pytest.mark.parametrize(("method", "path"), [("POST", "/v2/manage/webhooks"), ("POST", "/api/v2/webhook")])
def test_a_body_too_large_is_refused_before_it_is_read(shared: Served, method: str, path: str) -> None:
    head, body, closed = exchange(shared, request(method, path, b'{"', 1024 * 1024 + 1))
    assert head.startswith(b"HTTP/1.1 413 ")
    assert (json.loads(body)["ErrorCode"], closed) == (7913, True)


def test_what_is_no_request_is_refused_in_json_and_the_connection_closed(shared: Served) -> None:
    head, body, closed = exchange(shared, b'"}\r\n\r\n')
    assert head.startswith(b"HTTP/1.1 400 ")
    assert (json.loads(body)["ErrorCode"], closed) == (7900, True)


def test_a_whole_request_is_answered_before_what_follows_it(shared: Served) -> None:
    whole = request("GET", "/v2/manage/webhooks/events")
    head, body, closed = exchange(shared, whole + b"}")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert (json.loads(body)["Data"][0], closed) == ("Login", True)


@pytest.mark.parametrize(
    "path", ["/v2/manage/webhooks", "/v2/manage/webhook", "/V2/Manage/WebHook", "/v2/MANAGE/webhooks/"]
)
def test_every_spelling_of_the_path(shared: Served, hook: Any, path: str) -> None:
    assert shared.ok("GET", f"{path.rstrip('/')}/{hook['Id']}") == hook
    assert hook in shared.ok("GET", path)["Data"]
    assert shared.ok("GET", f"{path.rstrip('/')}/Events")["Data"][0] == "Login"
    made = shared.ok("POST", path, HOOK)
    assert shared.ok("PUT", f"{path.rstrip('/')}/{made['Id'].upper()}", {})["Id"] == made["Id"]
    assert shared.ok("DELETE", f"{path.rstrip('/')}/{made['Id']}") == {"IsDeleted": True}


@pytest.mark.parametrize("path", ["/api/v2/webhook", "/api/v2/webHook", "/API/V2/WEBHOOK"])
@pytest.mark.parametrize("keys", [("TargetUrl", "Event"), ("targeturl", "event"), ("target_url", "EVENT")])
def test_every_spelling_of_the_legacy_path_and_keys(shared: Served, path: str, keys: tuple[str, str]) -> None:
    model = {keys[0]: URL, keys[1]: "emailverification"}
    assert shared.ok("POST", path, model) == {"IsPosted": True}
    found = {"data": [{"TargetUrl": URL, "Event": "emailVerification"}], "Count": 1}
    assert shared.ok("GET", f"{path}?Event=EMAILVERIFICATION") == found
    assert shared.ok("GET", f"{path}/Test") == {"IsAllowed": True}
    assert shared.ok("DELETE", path, model) == {"IsDeleted": True}


@pytest.mark.parametrize(
    "keys", [("Event", "TargetUrl", "Name"), ("event", "targetUrl", "name"), ("EVENT", "target_url", "NAME")]
)
def test_every_spelling_of_the_keys(shared: Served, keys: tuple[str, str, str]) -> None:
    made = shared.ok("POST", "/v2/manage/webhooks", dict(zip(keys, ("Login", URL, "spelled"), strict=True)))
    assert (made["Event"], made["TargetUrl"], made["Name"]) == ("Login", URL, "spelled")
    authentication = {"authtype": "basic", "basic_auth": {"USERNAME": "u", "password": "p"}}
    changed = shared.ok(
        "PUT",
        f"/v2/manage/webhooks/{made['Id']}",
        {"query_params": {"Kept_As": "1"}, "authentication": authentication},
    )
    assert changed["QueryParams"] == {"Kept_As": "**********"}
    assert changed["Authentication"]["BasicAuth"] == {"Username": "u", "Password": ""}
    shared.ok("DELETE", f"/v2/manage/webhooks/{made['Id']}")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (KEYS, {}),
        (f"ApiKey={API_KEY}&APISECRET={API_SECRET}", {}),
        (f"api_key={API_KEY}&api_secret={API_SECRET}", {}),
        ("", HEADERS),
        ("", {name.lower(): value for name, value in HEADERS.items()}),
        (f"apikey={API_KEY}", {"X-LoginRadius-ApiSecret": API_SECRET}),
        ("apikey=wrong&apisecret=wrong", HEADERS),
        (f"{KEYS}&region=eu&fields=Id&unknown=&limit=", {"X-Origin-IP": "192.0.2.1", "digest": "SHA-256=x"}),
    ],
)
def test_every_form_of_credentials(shared: Served, query: str, headers: dict[str, str]) -> None:
    for path in ("/v2/manage/webhooks", "/api/v2/webhook/test"):
        assert shared.call("GET", f"{path}?{query}", headers=headers)[0] == 200


def test_bearer_keys_on_both_apis(shared: Served) -> None:
    reader = shared.ok("POST", "/v2/manage/keys", {"Name": "reader", "Scopes": ["manage:read"]})
    bearer = {"Authorization": f"Bearer {reader['Token']}"}
    for path, refusal in (("/v2/manage/webhooks", 6002), ("/api/v2/webhook", 1143)):
        assert shared.call("GET", f"{path}?event=Login", headers=bearer)[0] == 200
        status, answer = shared.call("POST", path, HOOK, headers=bearer)
        assert (status, answer["ErrorCode"], answer["Message"]) == (403, refusal, "Access Unauthorized")
    shared.ok("DELETE", f"/v2/manage/keys/{reader['Id']}")
    for path, refusal in (("/v2/manage/webhooks", 6002), ("/api/v2/webhook", 901)):
        status, answer = shared.call("GET", f"{path}?event=Login", headers=bearer)
        assert (status, answer["ErrorCode"]) == (401, refusal)


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"Id":"real JSON"}', b"no JSON"])
def test_a_webhook_is_deleted_whatever_the_body(shared: Served, body: bytes) -> None:
    identity = shared.ok("POST", "/v2/manage/webhooks", HOOK)["Id"]
    head, answer, _ = exchange(shared, request("DELETE", f"/v2/manage/webhooks/{identity}", body))
    assert head.startswith(b"HTTP/1.1 200 "), head
    assert json.loads(answer) == {"IsDeleted": True}
    assert shared.call("GET", f"/v2/manage/webhooks/{identity}")[0] == 404


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_unsubscribing_without_saying_from_what(shared: Served, body: bytes) -> None:
    head, answer, _ = exchange(shared, request("DELETE", "/api/v2/webhook", body))
    assert head.startswith(b"HTTP/1.1 403 ")
    assert json.loads(answer)["ErrorCode"] == 1086


def test_every_success_is_200_with_json(shared: Served) -> None:
    made = shared.ok("POST", "/v2/manage/webhooks", HOOK)
    path, legacy = f"/v2/manage/webhooks/{made['Id']}", json.dumps({"Event": "Register", "TargetUrl": URL}).encode()
    for method, target, body in (
        ("GET", "/v2/manage/webhooks", b""),
        ("POST", "/v2/manage/webhooks", json.dumps(HOOK).encode()),
        ("GET", "/v2/manage/webhooks/events", b""),
        ("GET", path, b""),
        ("PUT", path, b"{}"),
        ("DELETE", path, b"{}"),
        ("GET", "/api/v2/webhook/test", b""),
        ("POST", "/api/v2/webhook", legacy),
        ("GET", "/api/v2/webhook", b""),
        ("DELETE", "/api/v2/webhook", legacy),
    ):
        head, answer, _ = exchange(shared, request(method, target, body, query=f"{KEYS}&event=Register"))
        assert head.startswith(b"HTTP/1.1 200 "), (method, target, head)
        assert b"content-type: application/json" in head
        json.loads(answer)
    for webhook in shared.ok("GET", "/v2/manage/webhooks")["Data"]:
        shared.ok("DELETE", f"/v2/manage/webhooks/{webhook['Id']}")


def test_words_that_break_clients_are_in_no_success_body(shared: Served) -> None:
    """The Java SDK searches the text of a success for two words, the .NET SDK for one."""
    said = "Description, description, errorCode, \\description, ✓errorCode"
    url = "https://description.example.com/Description?errorCode=description"
    shared.ok("POST", "/v2/manage/secrets", {"Name": "description errorCode"})
    given = {
        "Event": "Login",
        "TargetUrl": url,
        "Name": said,
        "SecretName": "description errorCode",
        "Headers": {"X-Description-errorCode": "description"},
        "QueryParams": {"Description": said + "\x1description", "errorCode": ""},
        "PlainHeaders": ["X-Description-errorCode"],
        "PlainQueryParams": ["Description"],
        "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "description", "Password": "p"}},
        "Filter": {"Data.Description": {"$eq": "errorCode"}},
    }
    path = "/v2/manage/webhooks"
    created = exchange(shared, request("POST", path, json.dumps(given).encode()))[1]
    identity = json.loads(created)["Id"]
    exchanges = (("GET", path, b""), ("GET", f"{path}/{identity}", b""), ("PUT", f"{path}/{identity}", b"{}"),
                 ("GET", f"{path}/events", b""), ("GET", "/api/v2/webhook", b""))  # fmt: skip
    bodies = [created]
    for method, target, body in exchanges:
        head, answer, _ = exchange(shared, request(method, target, body, query=f"{KEYS}&event=Login"))
        assert head.startswith(b"HTTP/1.1 200 "), head
        bodies.append(answer)
    for body in bodies:
        assert not [word for word in WORDS if word in body], body
    shown = json.loads(bodies[2])
    for field in ("TargetUrl", "Name", "SecretName", "Headers", "QueryParams", "PlainHeaders",
                  "PlainQueryParams", "Filter"):  # fmt: skip
        assert shown[field] == given[field]
    assert json.loads(bodies[5])["data"] == [{"TargetUrl": url, "Event": "Login"}]
    assert json.loads(bodies[4])["Data"][0] == "Login"
    shared.ok("DELETE", f"{path}/{identity}")
    shared.ok("DELETE", f"/v2/manage/secrets/{urllib.parse.quote('description errorCode')}")


@pytest.mark.parametrize(
    "text", ["description", "Description", "errorCode", '"', "\\", "\x1d", "d", "e", "🙂", "é"]
)
@pytest.mark.parametrize("before", ["", "\\", "\x00", "\x1d", '"', "description", "u001"])
def test_the_escape_changes_no_value(text: str, before: str) -> None:
    value = {before + text: before + text + "escription", "nested": [before + "Description" + text]}
    for ascii_only in (True, False):
        safe = client_safe(json.dumps(value, ensure_ascii=ascii_only).encode())
        assert json.loads(safe) == value
        assert not [word for word in WORDS if word in safe]


def test_dates_and_flags_are_never_null(shared: Served, hook: Any) -> None:
    assert hook["CreatedDate"] == hook["LastModifiedDate"]
    assert hook["IsIntegrationWebhook"] is False
    changed = shared.ok("PUT", f"/v2/manage/webhooks/{hook['Id']}", {"CreatedDate": None, "LastModifiedDate": None})
    assert (changed["CreatedDate"], changed["Name"]) == (hook["CreatedDate"], "é")
    assert changed["LastModifiedDate"] >= hook["LastModifiedDate"]


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ({"Event": "Nonsense"}, 403, 1086),
        ({"TargetUrl": "ftp://receiver.example.com"}, 403, 1087),
        ({"Event": 5}, 403, 908),
        ({"TargetUrl": URL + "/other"}, 403, 1112),
    ],
)
def test_statuses_of_the_legacy_api(shared: Served, model: dict[str, Any], status: int, code: int) -> None:
    found, answer = shared.call("DELETE", "/api/v2/webhook", HOOK | model)
    assert (found, answer["ErrorCode"]) == (status, code)
    if code in (1086, 1087):
        v2 = shared.call("POST", "/v2/manage/webhooks", HOOK | model)
        assert (v2[0], v2[1]["ErrorCode"]) == (400, code)


def test_taken_urls_and_limits_by_status(shared: Served) -> None:
    model = {"Event": "UpdateUid", "TargetUrl": URL}
    legacy = {"Event": "SetPassword", "TargetUrl": URL}
    made = shared.ok("POST", "/v2/manage/webhooks", model)
    shared.ok("POST", "/api/v2/webhook", legacy)
    try:
        shared.ok("PUT", "/v2/manage/settings", {"UniqueTargetUrl": True, "WebhooksPerEvent": 1})
        for path, body in (("/v2/manage/webhooks", model), ("/api/v2/webhook", legacy)):
            many = shared.call("POST", path, body | {"TargetUrl": URL + "/2"})
            assert (many[0], many[1]["ErrorCode"]) == (403, 1085)
        shared.ok("PUT", "/v2/manage/settings", {"WebhooksPerEvent": 2})
        for path, body, taken in (
            ("/v2/manage/webhooks", model, (409, 7989)),
            ("/api/v2/webhook", legacy, (403, 1110)),
        ):
            status, answer = shared.call("POST", path, body)
            assert (status, answer["ErrorCode"]) == taken
    finally:
        shared.ok("PUT", "/v2/manage/settings", {"UniqueTargetUrl": None, "WebhooksPerEvent": None})
    shared.ok("DELETE", f"/v2/manage/webhooks/{made['Id']}")
    shared.ok("DELETE", "/api/v2/webhook", legacy)


def test_too_many_calls_are_429_with_retry_after(shared: Served) -> None:
    try:
        shared.ok("PUT", "/v2/manage/settings", {"CallsPerSecond": 1})
        answers = [
            exchange(shared, request("GET", path)) for path in ("/v2/manage/webhooks", "/api/v2/webhook/test") * 2
        ]
        late = [(head, body) for head, body, _ in answers if head.startswith(b"HTTP/1.1 429 ")]
        assert len(late) >= 2
        for head, body in late:
            assert b"\r\nretry-after: 1\r\n" in head
            assert json.loads(body)["ErrorCode"] == 7929
        assert shared.call("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})[0] == 202
    finally:
        until(lambda: shared.call("PUT", "/v2/manage/settings", {"CallsPerSecond": None})[0] == 200)


@pytest.mark.parametrize(
    ("query", "headers", "prevented"),
    [
        ("", {}, False),
        ("?prevent_webhook=true", {}, True),
        ("", {"X-PreventWebhook": "True"}, True),
        ("?prevent_webhook=true", {"X-PreventWebhook": "false"}, False),
        ("?prevent_webhook=false", {"X-PreventWebhook": "true"}, True),
    ],
)
def test_the_event_of_a_rotation_is_prevented_like_any_other(
    shared: Served, query: str, headers: dict[str, str], prevented: bool
) -> None:
    system = shared.ok("POST", "/v2/manage/webhooks", HOOK | {"Event": "SecretRotated", "Enabled": False})
    shared.ok("POST", "/v2/manage/secrets", {"Name": "turning"})
    assert shared.call("POST", f"/v2/manage/secrets/turning/rotate{query}", {}, headers=HEADERS | headers)[0] == 200
    raised = shared.ok("GET", "/v2/manage/events?event=SecretRotated&limit=1")["Data"][0]
    fate = shared.ok("GET", f"/v2/manage/events/{raised['Id']}")
    assert [skip["Reason"] for skip in fate["Skipped"]] == ["prevented"] * prevented
    assert [one["WebhookId"] for one in fate["Deliveries"]] == [system["Id"]] * (not prevented)
    shared.ok("DELETE", f"/v2/manage/webhooks/{system['Id']}")
    shared.ok("DELETE", "/v2/manage/secrets/turning")


def test_calls_that_raise_no_event_take_the_header_too(shared: Served) -> None:
    """LoginRadius' Node SDK can be told to send it with every call."""
    headers = HEADERS | {"X-PreventWebhook": "true"}
    status, made = shared.call("POST", "/v2/manage/webhooks", HOOK, headers=headers)
    assert status == 200
    assert shared.call("DELETE", f"/v2/manage/webhooks/{made['Id']}", headers=headers)[0] == 200
    status, answer = shared.call("GET", "/v2/manage/webhooks", headers=HEADERS | {"X-PreventWebhook": "perhaps"})
    assert (status, answer["ErrorCode"], answer["Field"]) == (400, 7900, "X-PreventWebhook")
