"""One event, end to end: a served Outrider and a real TLS receiver."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from at_rest import at_rest
from harness import API_SECRET, Receiver, Request, Served, until
from outrider.domain.signing import loginradius_signature, whsec

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]
LOGIN = {"Event": "login", "Data": {"Uid": "u1", "Password": "hunter2", "Odd": [1.50, None]}}


def delivery(served: Served, event: str, state: str) -> Any:
    """The event's only delivery once it is in `state`."""
    found = served.ok("GET", f"/v2/manage/deliveries?eventid={event}&state={state}")["Data"]
    return served.ok("GET", f"/v2/manage/deliveries/{found[0]['Id']}") if found else None


def send(served: Served, body: Any = LOGIN) -> str:
    identity: str = served.ok("POST", "/v2/events", body)["Data"][0]["Id"]
    return identity


def test_the_request_is_as_documented(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    value = served.ok("POST", "/v2/manage/secrets", {"Name": "crm"})["Value"]
    webhook = {
        "Name": "crm",
        "Event": "Login",
        "TargetUrl": receiver.url("/hook?a=1"),
        "SecretName": "CRM",
        "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "p"}},
        "Headers": {"X-Region": "eu"},
        "QueryParams": {"b": "2 3"},
    }
    served.ok("POST", "/v2/manage/webhooks", webhook)
    event = send(served, LOGIN | {"Time": "2026-01-02T03:04:05.678Z"})
    request = until(lambda: receiver.requests)[0]

    assert request.path == "/hook?a=1&b=2%203"
    body = json.loads(request.body)
    assert list(body) == ["HookName", "HookId", "Data", "Time"]
    assert (body["HookName"], body["HookId"], body["Time"]) == ("login", event, "2026-01-02T03:04:05.678Z")
    assert b'"Odd": [1.5, null]' in request.body  # as the producer's JSON library wrote it
    assert b"hunter2" not in request.body
    headers = request.headers
    assert headers["signature"] == loginradius_signature(value, request.body)
    assert Webhook(value).verify(request.body, headers)["HookId"] == event
    assert headers["authorization"] == "Basic " + b64encode(b"u:p").decode()
    assert headers["x-region"] == "eu"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["request-id"].startswith("|" + event.replace("-", ""))
    assert headers["request-context"].startswith("appId=cid-v1:")

    record = until(lambda: delivery(served, event, "delivered"))
    attempt = record["Lines"][-1]["Attempt"]
    assert (record["Attempts"], attempt["Status"], attempt["Answer"]) == (1, 200, "{}")
    assert attempt["Duration"]["Tls"] > 0
    shown = {h["Name"]: h["Value"] for h in attempt["RequestHeaders"]}
    assert shown["authorization"] == "Basic **********"
    assert "hunter2" not in json.dumps(served.ok("GET", f"/v2/manage/events/{event}"))
    kept = at_rest(served)
    assert event.encode() in kept
    assert b"hunter2" not in kept
    assert value.encode() not in kept


def test_without_a_secret_the_api_secret_signs(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    send(served)
    request = until(lambda: receiver.requests)[0]
    assert request.headers["signature"] == loginradius_signature(API_SECRET, request.body)
    assert Webhook(whsec(API_SECRET)).verify(request.body, request.headers)


def test_rotation_keeps_the_old_secret_valid(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    old = served.ok("POST", "/v2/manage/secrets", {"Name": "crm"})["Value"]
    served.ok(
        "POST", "/v2/manage/webhooks", {"Events": ["Login"], "TargetUrl": receiver.url(), "SecretName": "crm"}
    )
    new = served.ok("POST", "/v2/manage/secrets/crm/rotate", {})["Value"]
    send(served)
    request = until(lambda: receiver.requests)[0]
    assert Webhook(old).verify(request.body, request.headers)
    assert Webhook(new).verify(request.body, request.headers)
    assert request.headers["signature"] == loginradius_signature(new, request.body)
    assert served.ok("GET", "/v2/manage/events?event=SecretRotated")["Data"][0]["Subject"] == "crm"


def test_failures_are_retried_until_it_arrives(serve: Serve, receive: Receive) -> None:
    answers = iter([(500, {}, b"a" * 9000), (302, {"location": "https://localhost/"}, b""), (204, {}, b"")])
    served, receiver = serve(), receive(lambda _: next(answers))
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    event = send(served)
    record = until(lambda: delivery(served, event, "delivered"))
    assert [(line["Line"], line["Attempt"]["Status"]) for line in record["Lines"]] == [
        ("attempted", 500),
        ("attempted", 302),
        ("delivered", 204),
    ]
    first = record["Lines"][0]["Attempt"]
    assert (len(first["Answer"]), first["AnswerCut"]) == (4096, True)
    assert len({r.body for r in receiver.requests}) == len({r.id for r in receiver.requests}) == 1


@pytest.mark.parametrize(
    "wish",
    ["Thu, 01 Jan 99999999999999999999 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 +99999999999999"],
    ids=["year", "zone"],
)
def test_what_no_calendar_holds_is_an_answer_like_any_other(serve: Serve, receive: Receive, wish: str) -> None:
    """The attempt is spent and recorded, and what waits behind it in strict order goes on."""
    answers = [(503, {"Retry-After": wish}, b"busy")]
    served = serve(OUTRIDER_RETRY_SCHEDULE_MS="50,50")
    receiver = receive(lambda _: answers.pop() if answers else (204, {}, b""))
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url(), "Ordering": "strict"})
    first, second = send(served), send(served)
    record = until(lambda: delivery(served, first, "delivered"))
    assert [(line["Line"], line["Attempt"]["Status"]) for line in record["Lines"]] == [
        ("attempted", 503),
        ("delivered", 204),
    ]
    assert record["Lines"][0]["Reason"] == "status 503"
    until(lambda: delivery(served, second, "delivered"))


def test_an_exhausted_delivery_tells_the_operator(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(OUTRIDER_RETRY_SCHEDULE_MS="50"), receive(lambda _: (500, {}, b""))
    operator = receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    served.ok("POST", "/v2/manage/webhooks", {"Event": "DeliveryExhausted", "TargetUrl": operator.url()})
    event = send(served)
    until(lambda: delivery(served, event, "exhausted"))
    told = json.loads(until(lambda: operator.requests)[0].body)
    assert (told["HookName"], told["Data"]["EventId"], told["Data"]["Attempts"]) == ("deliveryexhausted", event, 2)


def test_gone_disables_and_the_backlog_waits(serve: Serve, receive: Receive) -> None:
    gone = [True]
    served, receiver = serve(), receive(lambda _: (410 if gone[0] else 200, {}, b""))
    webhook = served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    send(served)
    path = f"/v2/manage/webhooks/{webhook['Id']}"
    until(lambda: not served.ok("GET", path)["Enabled"])
    assert served.ok("GET", path)["DisabledReason"] == "status 410"
    waiting = send(served)
    assert delivery(served, waiting, "waiting")["Attempts"] == 0
    gone[0] = False
    served.ok("PUT", path, {"Enabled": True})
    until(lambda: delivery(served, waiting, "delivered"))


def test_deleting_a_webhook_cancels_what_it_was_owed(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(OUTRIDER_RETRY_SCHEDULE_MS="600000"), receive(lambda _: (500, {}, b""))
    webhook = served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    event = send(served)
    until(lambda: receiver.requests)
    served.ok("DELETE", f"/v2/manage/webhooks/{webhook['Id']}")
    record = until(lambda: delivery(served, event, "cancelled"))
    assert record["Reason"] == "webhook deleted"


@pytest.mark.parametrize(
    ("host", "allowed", "error"),
    [
        ("localhost", "10.0.0.0/8", "address_refused"),
        ("127.0.0.1", "10.0.0.0/8", "address_refused"),
        ("localhost.localdomain.invalid", "127.0.0.0/8", "dns"),
    ],
)
def test_addresses_outside_the_policy_are_never_dialled(
    serve: Serve, receive: Receive, host: str, allowed: str, error: str
) -> None:
    """An address is refused when it is set; here the operator closed it after that."""
    served, receiver = serve(), receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url(host=host)})
    served.stop()
    served.settings["OUTRIDER_EGRESS_ALLOW"] = allowed
    served.start()
    event = send(served)
    record = until(lambda: (d := delivery(served, event, "waiting")) and d["Lines"] and d)
    assert record["Lines"][0]["Attempt"]["Error"] == error
    assert receiver.requests == []


def self_signed(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / f"{name}.pem"
    file.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.mark.parametrize(
    ("name", "sentence"), [("localhost", "self-signed"), ("other.example", "another host name")]
)
def test_certificates_that_do_not_verify(
    serve: Serve, receive: Receive, tmp_path: Path, name: str, sentence: str
) -> None:
    certificate = self_signed(tmp_path, name)
    served, receiver = serve(), receive(certificate=certificate)
    if name != "localhost":
        # Trusted, but made for another host.
        served.stop()
        served.settings["OUTRIDER_EGRESS_CA_FILE"] = str(certificate)
        served.start()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    event = send(served)
    record = until(lambda: (d := delivery(served, event, "waiting")) and d["Lines"] and d)
    attempt = record["Lines"][0]["Attempt"]
    assert attempt["Error"] == "certificate"
    assert sentence in attempt["Detail"]
    assert receiver.requests == []


def test_an_operation_that_deletes_an_organization(serve: Serve, receive: Receive) -> None:
    served, receiver = serve(), receive()
    partner = [n for n in served.ok("GET", "/v2/manage/webhooks/events")["Data"] if n.startswith("Org")]
    served.ok("POST", "/v2/manage/webhooks", {"Events": partner, "TargetUrl": receiver.url()})
    connection = {"Event": "OrgConnectionDeleted", "Data": {"Id": "conn_1"}}
    membership = {"Event": "OrgMembershipDeleted", "Data": {"Uid": "u", "OrgId": "org_1"}}
    deletion = {"Event": "OrgDeleted", "Data": {"Id": "org_1"}}
    operation = {"Events": [*[connection] * 5, deletion, *[membership] * 3]}
    ids = [e["Id"] for e in served.ok("POST", "/v2/operations", operation)["Data"]]
    until(lambda: served.ok("GET", "/v2/manage/deliveries?state=delivered")["Data"])
    fates = [served.ok("GET", f"/v2/manage/events/{identity}") for identity in ids]
    assert sum(len(f["Deliveries"]) for f in fates) == 1
    assert [s["Reason"] for f in fates for s in f["Skipped"]] == ["absorbed"] * 8
    assert [json.loads(r.body)["HookName"] for r in receiver.requests] == ["orgdeleted"]

    bulk = [e["Id"] for e in served.ok("POST", "/v2/operations", operation | {"Bulk": True})["Data"]]
    fates = [served.ok("GET", f"/v2/manage/events/{identity}") for identity in bulk]
    assert [s["Reason"] for f in fates for s in f["Skipped"]] == ["bulk"] * 9
    assert not any(f["Deliveries"] for f in fates)


def test_stop_is_graceful_and_start_continues(serve: Serve, receive: Receive) -> None:
    failing = [True]

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        return (503 if failing[0] else 200), {}, b""

    served, receiver = serve(OUTRIDER_RETRY_SCHEDULE_MS="500,500,500,500,500,500"), receive(answer)
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    event = send(served)
    until(lambda: receiver.requests)
    assert served.stop() == 0
    failing[0] = False
    served.start()
    until(lambda: delivery(served, event, "delivered"))
    assert "Traceback" not in (served.folder / "log").read_text()
