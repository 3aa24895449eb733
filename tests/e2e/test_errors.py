"""Every refusal names what was wrong and what to do; nothing refused is stored."""

import json
import socket
import uuid
from typing import Any

import pytest

from harness import API_KEY, API_SECRET, Served

pytestmark = pytest.mark.slow
HOOK = {"Event": "Login", "TargetUrl": "https://example.com/hook"}
LOGIN = {"Event": "Login", "Data": {"Uid": "u"}}


def refused(  # noqa: PLR0917 - reads as the table it checks
    served: Served, method: str, path: str, body: Any, status: int, code: int, field: str | None = None
) -> Any:
    found, answer = served.call(method, path, body)
    assert (found, answer["ErrorCode"]) == (status, code), answer
    assert set(answer) >= {"Description", "Message", "IsProviderError", "ProviderErrorResponse"}
    if field is not None:
        assert answer["Field"] == field, answer
        assert answer["Expected"]
        assert answer["Given"]
    return answer


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"TargetUrl": "http://example.com"}, "TargetUrl", 1087),
        ({"TargetUrl": None}, "TargetUrl", 1087),
        ({"TargetUrl": "https://u:p@example.com"}, "TargetUrl", 1087),
        ({"TargetUrl": "https://10.0.0.1/"}, "TargetUrl", 1087),
        ({"TargetUrl": "https://[::ffff:a9fe:a9fe]/"}, "TargetUrl", 1087),
        ({"TargetUrl": "https://☃.net/"}, "TargetUrl", 1087),
        ({"Event": "Nonsense"}, "Event", 1086),
        ({"Event": None}, "Event", 1086),
        ({"Event": 5}, "Event", 7900),
        ({"SecretName": "none-such"}, "SecretName", 7900),
        ({"Headers": {"Signature": "x"}}, "Headers.Signature", 7900),
        ({"Headers": {"webhook-id": "x"}}, "Headers.webhook-id", 7900),
        ({"Headers": {"X-A": "a\r\nb: c"}}, "Headers.X-A", 7900),
        ({"Authentication": {"AuthType": "Digest"}}, "Authentication.AuthType", 7900),
        ({"Authentication": {"AuthType": "Bearer"}}, "Authentication.BearerToken.Token", 7900),
        ({"Name": "x" * 200}, "Name", 7900),
        ({"Nmae": "typo"}, "Nmae", 7900),
    ],
)
def test_webhooks(shared: Served, change: dict[str, Any], field: str, code: int) -> None:
    refused(shared, "POST", "/v2/manage/webhooks", HOOK | change, 400, code, field)


def test_an_address_that_may_not_be_called_is_refused_wherever_one_is_set(shared: Served) -> None:
    """127.0.0.0/8 is opened here, 10.0.0.0/8 is not."""
    made = shared.ok("POST", "/v2/manage/webhooks", HOOK | {"TargetUrl": "https://127.0.0.1:1/", "Enabled": False})
    path = f"/v2/manage/webhooks/{made['Id']}"
    answer = refused(shared, "PUT", path, {"TargetUrl": "https://0xa000001/"}, 400, 1087, "TargetUrl")
    assert answer["Given"] == "10.0.0.1, private"
    assert "OUTRIDER_EGRESS_ALLOW" in answer["Expected"]
    assert shared.ok("GET", path)["TargetUrl"] == "https://127.0.0.1:1/"
    older = {"TargetUrl": "https://10.0.0.1/", "Event": "Login"}
    refused(shared, "POST", "/api/v2/webhook", older, 403, 1087, "TargetUrl")
    shared.ok("DELETE", path)


def test_a_name_is_unique_in_any_case(shared: Served) -> None:
    made = shared.ok("POST", "/v2/manage/webhooks", HOOK | {"Name": "Unique"})
    refused(shared, "POST", "/v2/manage/webhooks", HOOK | {"Name": "unique"}, 409, 7987, "Name")
    shared.ok("DELETE", f"/v2/manage/webhooks/{made['Id']}")
    shared.ok(
        "DELETE", f"/v2/manage/webhooks/{shared.ok('POST', '/v2/manage/webhooks', HOOK | {'Name': 'unique'})['Id']}"
    )
    refused(shared, "GET", f"/v2/manage/webhooks/{made['Id']}", None, 404, 7986)


@pytest.mark.parametrize(
    ("body", "field", "code", "status"),
    [
        (LOGIN | {"Event": "Nope"}, "Event", 1086, 400),
        (LOGIN | {"Event": "DeliveryExhausted"}, "Event", 1086, 400),
        (LOGIN | {"Data": {}}, "Data.Uid", 7900, 400),
        (LOGIN | {"Data": {"Uid": "u", "NoOfLogins": "many"}}, "Data.NoOfLogins", 7900, 400),
        (LOGIN | {"Data": {"Uid": "u", "Email": [{"Value": 1}]}}, "Data.Email[0].Value", 7900, 400),
        (LOGIN | {"Data": []}, "Data", 7900, 400),
        ({"Event": "Login"}, "Data", 7900, 400),
        (LOGIN | {"Id": "not-a-uuid"}, "Id", 7900, 400),
        (LOGIN | {"Time": "yesterday"}, "Time", 7900, 400),
        (LOGIN | {"Time": "2026-01-01T00:00:00"}, "Time", 7900, 400),
        (LOGIN | {"Subject": ""}, "Subject", 7900, 400),
        (LOGIN | {"Previous": {}}, "Previous", 7900, 400),
        (LOGIN | {"Unknown": 1}, "Unknown", 7900, 400),
        (LOGIN | {"Data": {"Uid": "u", "About": "x" * 300_000}}, "Data", 7913, 413),
        ([LOGIN, LOGIN | {"Event": "Nope"}], "[1].Event", 1086, 400),
        ([LOGIN, LOGIN | {"Data": {}}], "[1].Data.Uid", 7900, 400),
        ([], "body", 1090, 400),
        ([LOGIN] * 1001, "body", 1090, 400),
    ],
)
def test_events(shared: Served, body: Any, field: str, code: int, status: int) -> None:
    before = shared.ok("GET", "/v2/manage/events?limit=1")["Data"]
    refused(shared, "POST", "/v2/events", body, status, code, field)
    assert shared.ok("GET", "/v2/manage/events?limit=1")["Data"] == before


@pytest.mark.parametrize("raw", [b"{", b"", b"nonsense", b'{"Event":"Login","Data":{"Uid":"\xff"}}'])
def test_malformed_bodies(shared: Served, raw: bytes) -> None:
    for path in ("/v2/events", "/v2/operations", "/v2/manage/webhooks"):
        status, answer = shared.call("POST", path, raw=raw)
        assert status == 400, (path, answer)
        assert answer["ErrorCode"] in {1086, 7914} if raw == b"" else {7914}


def test_an_oversized_request_is_cut_off(shared: Served) -> None:
    host, port = shared.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        opening = f"POST /v2/events?apikey={API_KEY}&apisecret={API_SECRET} HTTP/1.1\r\n"
        peer.sendall(f"{opening}host: x\r\ncontent-length: 99999999\r\n\r\n".encode())
        try:
            for _ in range(400):
                peer.sendall(b" " * 65536)
        except OSError:
            pass  # it hung up on us, as it should
        assert b" 413 " in peer.recv(65536).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("", {}, 400, 922),
        (f"?apikey={API_KEY}", {}, 400, 923),
        (f"?apikey=wrong&apisecret={API_SECRET}", {}, 403, 901),
        (f"?apikey={API_KEY}&apisecret=wrong", {}, 401, 902),
        ("", {"Authorization": "Bearer ork_wrong"}, 401, 6002),
        ("", {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": "wrong"}, 401, 902),
    ],
)
def test_credentials(shared: Served, query: str, headers: dict[str, str], status: int, code: int) -> None:
    for method, path in (("GET", "/v2/manage/webhooks"), ("POST", "/v2/events")):
        found, answer = shared.call(method, path + query, LOGIN if method == "POST" else None, headers=headers)
        assert (found, answer["ErrorCode"]) == (status, code), answer
        assert API_SECRET not in json.dumps(answer)


def test_a_bearer_key_does_what_its_scopes_say_until_revoked(shared: Served) -> None:
    made = shared.ok("POST", "/v2/manage/keys", {"Name": "reader", "Scopes": ["manage:read"]})
    bearer = {"Authorization": f"Bearer {made['Token']}"}
    assert shared.call("GET", "/v2/manage/webhooks", headers=bearer)[0] == 200
    status, answer = shared.call("POST", "/v2/events", LOGIN, headers=bearer)
    assert (status, answer["ErrorCode"]) == (403, 6002)
    assert made["Token"] not in json.dumps(shared.ok("GET", "/v2/manage/keys"))
    shared.ok("DELETE", f"/v2/manage/keys/{made['Id']}")
    assert shared.call("GET", "/v2/manage/webhooks", headers=bearer)[0] == 401


def test_repeats_answer_as_before_and_other_content_conflicts(shared: Served) -> None:
    event = LOGIN | {"Id": str(uuid.uuid4())}
    first = shared.ok("POST", "/v2/events", event)
    assert shared.ok("POST", "/v2/events", event) == first
    assert shared.ok("POST", "/v2/events", [event, event])["Data"] == first["Data"] * 2
    refused(shared, "POST", "/v2/events", event | {"Data": {"Uid": "other"}}, 409, 7987, "Id")
    found = shared.ok("GET", "/v2/manage/events?subject=u&limit=200")["Data"]
    assert [e["Id"] for e in found].count(event["Id"]) == 1


def test_prevention_is_recorded_and_the_header_wins(shared: Served) -> None:
    made = shared.ok("POST", "/v2/manage/webhooks", HOOK | {"Name": "prevented", "Enabled": False})
    keys = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
    cases = (
        ("", {"X-PreventWebhook": "true"}, 1),
        ("?prevent_webhook=true", {}, 1),
        ("?prevent_webhook=true", {"X-PreventWebhook": "false"}, 0),
    )
    for query, headers, skipped in cases:
        status, answer = shared.call("POST", "/v2/events" + query, LOGIN, headers=keys | headers)
        assert status == 202
        fate = shared.ok("GET", f"/v2/manage/events/{answer['Data'][0]['Id']}")
        assert [s["Reason"] for s in fate["Skipped"]] == ["prevented"] * skipped
        assert len(fate["Deliveries"]) == 1 - skipped
    shared.ok("DELETE", f"/v2/manage/webhooks/{made['Id']}")


def test_secrets_are_shown_once_and_kept_while_used(shared: Served) -> None:
    made = shared.ok("POST", "/v2/manage/secrets", {"name": "once"})
    assert made["Value"] == made["StandardWebhooksValue"]
    assert "Value" not in shared.ok("GET", "/v2/manage/secrets/ONCE")
    hook = shared.ok("POST", "/v2/manage/webhooks", HOOK | {"SecretName": "once"})
    refused(shared, "DELETE", "/v2/manage/secrets/once", None, 409, 7987, "Name")
    refused(shared, "POST", "/v2/manage/secrets", {"Name": "Once"}, 409, 7987, "Name")
    refused(shared, "POST", "/v2/manage/secrets", {"Name": "weak", "Value": "short"}, 400, 7900, "Value")
    shared.ok("DELETE", f"/v2/manage/webhooks/{hook['Id']}")
    assert shared.ok("DELETE", "/v2/manage/secrets/once") == {"IsDeleted": True}
    refused(shared, "GET", "/v2/manage/secrets/once", None, 404, 7904)


def test_keys_and_paths_match_in_any_case(shared: Served) -> None:
    made = shared.ok(
        "POST", "/V2/Manage/WebHook", {"event": "login", "target_url": "https://example.com", "name": "fold"}
    )
    assert (made["Event"], made["TargetUrl"], made["Name"]) == ("Login", "https://example.com", "fold")
    assert (made["Headers"], made["QueryParams"], made["Authentication"]) == (None, None, None)
    path = f"/v2/manage/webhook/{made['Id']}"
    assert shared.ok("GET", path) == made
    auth = {"AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "p"}}
    changed = shared.ok("PUT", path, {"authentication": auth, "Headers": {"X-A": "1"}})
    assert changed["Authentication"]["BasicAuth"] == {"Username": "u", "Password": ""}
    assert (changed["Name"], changed["Event"]) == ("fold", "Login")
    again = shared.ok("PUT", path, {"Authentication": changed["Authentication"], "Headers": None})
    assert (again["Authentication"], again["Headers"]) == (changed["Authentication"], None)
    assert shared.ok("DELETE", path, {}) == {"IsDeleted": True}
    refused(shared, "PUT", path, {}, 404, 7986)


def test_modified_fields_reach_the_receiver(shared: Served) -> None:
    data = {"Uid": "u", "FirstName": "B", "Password": "new"}
    event = {"Event": "UpdateProfile", "Data": data, "Previous": {"Uid": "u", "FirstName": "A", "Password": "old"}}
    identity = shared.ok("POST", "/v2/events", event)["Data"][0]["Id"]
    assert shared.ok("GET", f"/v2/manage/events/{identity}")["Payload"]["ModifiedFields"] == ["FirstName"]


def test_lists_page_without_gaps_while_rows_arrive(shared: Served) -> None:
    subject = uuid.uuid4().hex
    sent = [shared.ok("POST", "/v2/events", LOGIN | {"Subject": subject})["Data"][0]["Id"] for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = shared.ok("GET", f"/v2/manage/events?subject={subject}&limit=2{cursor}")
        seen += [e["Id"] for e in page["Data"]]
        shared.ok("POST", "/v2/events", LOGIN | {"Subject": subject})
        if page["Next"] is None:
            break
        cursor = f"&cursor={page['Next']}"
    assert seen == sent[::-1]
    for wrong in ("cursor=zzz", "limit=0", "limit=1000", "limit=x", "since=never", "event=Nope"):
        status, answer = shared.call("GET", f"/v2/manage/events?{wrong}")
        code = 1086 if wrong == "event=Nope" else 7900
        assert (status, answer["ErrorCode"]) == (400, code), wrong
        assert answer["Field"] == wrong.split("=")[0]


def test_the_catalogue_is_served(shared: Served) -> None:
    listed = shared.ok("GET", "/v2/manage/event-types")["Data"]
    assert len(listed) == 48
    shown = shared.ok("GET", "/v2/manage/event-types/ORGCONNECTIONUPDATE")
    assert shown["Name"] == "OrgConnectionUpdate"
    assert set(shown["Samples"]) == {"saml", "oidc"}
    assert shown["Schema"]["$schema"].endswith("2020-12/schema")
    refused(shared, "GET", "/v2/manage/event-types/nope", None, 404, 7904)
    refused(shared, "GET", "/v2/nope", None, 404, 7904)
    refused(shared, "PATCH", "/v2/manage/webhooks", None, 405, 7905)
