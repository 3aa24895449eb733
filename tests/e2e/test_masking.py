"""Secrets in answers and payloads: nowhere at rest, nowhere shown, nowhere sent."""

import gzip
import html
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlsplit

import pytest

from at_rest import at_rest
from harness import Receiver, Request, Served, until
from outrider.domain.redaction import MASK

pytestmark = pytest.mark.slow
Serve = Callable[..., Served]
Receive = Callable[..., Receiver]

ECHOES: dict[str, Callable[[str], bytes]] = {
    "raw": str.encode,
    "json": lambda text: json.dumps(json.dumps(text)).encode(),
    "json, all escaped": lambda text: "".join(f"\\u{ord(c):04X}" for c in text).encode(),
    "url": lambda text: quote_plus(text).encode(),
    "url, all escaped": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()).encode(),
    "html": lambda text: f"<pre>{html.escape(text)}</pre>".encode(),
    "base64": lambda text: b64encode(b"x" + text.encode()),
    "base64, url-safe": lambda text: urlsafe_b64encode(b"xy" + text.encode()),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "upper case": lambda text: text.upper().encode(),
    "cut": lambda text: b" " * (4096 - len(text) + 6) + text.encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
}
PLANTED = ('hdr-4Z!9&"q8', "prm 7/Yä\\3w", "url+2X#5t6v", "pw:9K'1<r2s", "T0241X99ZKpath")


def _readable(kept: str) -> str:
    """The text an answer can be read as, if it still can."""
    for undo in (bytes.fromhex, lambda text: b64decode(text[: len(text) // 4 * 4], altchars=b"-_")):
        try:
            kept += undo(kept.replace(MASK, "")).decode("utf-8", "replace")
        except ValueError:
            continue
    return (kept + html.unescape(unquote_plus(kept))).lower()


def test_what_receivers_echo_is_masked(serve: Serve, receive: Receive) -> None:
    """Everything that was secret in the request, and what signed it, in a test send and in the ledger."""
    header, parameter, in_url, password, in_path = PLANTED
    encode = [ECHOES["raw"]]

    def echo(request: Request) -> tuple[int, dict[str, str], bytes]:
        basic = request.headers["authorization"]
        pair = b64decode(basic.removeprefix("Basic ")).decode()
        query = "; ".join(f"{name}={value}" for name, value in parse_qsl(urlsplit(request.path).query))
        seen = [request.path, query, basic, pair, request.headers["x-crm-auth"], signing]
        return 500, {}, encode[0]("\n".join(seen))

    served, receiver = serve(OUTRIDER_LOG_LEVEL="DEBUG"), receive(echo)
    signing = served.ok("POST", "/v2/manage/secrets", {"Name": "crm"})["Value"]
    webhook = {
        "Event": "Login",
        "TargetUrl": receiver.url(f"/{in_path}/v1?key={quote_plus(in_url)}"),
        "SecretName": "crm",
        "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "rosa", "Password": password}},
        "Headers": {"X-Crm-Auth": header},
        "QueryParams": {"sig": parameter},
    }
    identity = served.ok("POST", "/v2/manage/webhooks", webhook)["Id"]
    secrets = [*PLANTED, signing.removeprefix("whsec_"), b64encode(f"rosa:{password}".encode()).decode()]
    for name, way in ECHOES.items():
        encode[0] = way
        attempt = served.ok("POST", f"/v2/manage/webhooks/{identity}/test", {})["Attempt"]
        found = [planted for planted in secrets if planted[:6].lower() in _readable(attempt["Answer"])]
        assert not found, name
        assert (attempt["Answer"] == "") == (name == "gzip"), name
        assert MASK in attempt["Answer"] or "compressed" in attempt["Detail"], name
    encode[0] = ECHOES["raw"]
    served.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u1"}})
    ended = until(lambda: served.ok("GET", "/v2/manage/deliveries?state=exhausted")["Data"])
    record = served.ok("GET", f"/v2/manage/deliveries/{ended[0]['Id']}")
    answers = json.dumps([line["Attempt"]["Answer"] for line in record["Lines"]], ensure_ascii=False)
    assert not [planted for planted in secrets if planted in answers or json.dumps(planted)[1:-1] in answers]
    sealed = [planted.encode() for planted in (password, *secrets[len(PLANTED) :])]
    for place in (at_rest(served), (served.folder / "log").read_bytes()):
        assert not [planted for planted in sealed if planted in place]


CHANGES = ("Create", "Update", "Delete")
CONTENT: dict[str, Any] = {
    "NewPassword": "hunter2-a",
    "api-key": ["hunter2-b", {"deep": "hunter2-c"}],
    "BackupCodes": [20391001, 20391002],
    "SecurityQuestions": [{"Question": "Pet?", "Answer": "hunter2-d"}],
    "Changes": [{"Field": "otp", "OldValue": "hunter2-e", "NewValue": "hunter2-f"}],
    "Request": json.dumps({"body": json.dumps({"password": "hunter2-g", "uid": "readable-1"})}),
    "Ｐassword\u200b": "hunter2-h",
    "PasswordPolicy": {"MinLength": "readable-2"},
    "Kennwort": "hunter2-i",
    "PinCode": "readable-3",
}


def test_payloads_are_masked_whichever_way_they_come(serve: Serve, receive: Receive) -> None:
    served = serve(OUTRIDER_MASKED_FIELDS="Kennwort,-PinCode", OUTRIDER_LOG_LEVEL="DEBUG")
    receiver = receive()
    events = [
        "Login",
        "UpdateProfile",
        "OrgCreated",
        "CreateCustomObject",
        "UpdateCustomObject",
        "DeleteCustomObject",
    ]
    webhook = served.ok("POST", "/v2/manage/webhooks", {"Events": events, "TargetUrl": receiver.url()})["Id"]
    data = {"Uid": "u1"} | CONTENT
    served.ok("POST", "/v2/events", {"Event": "Login", "Data": data})
    served.ok("POST", "/v2/events", [{"Event": "Login", "Data": data}] * 2)
    served.ok("POST", "/v2/operations", {"Events": [{"Event": "OrgCreated", "Data": {"Id": "org_1"} | CONTENT}]})
    before = data | {"NewPassword": "hunter2-old", "PinCode": "readable-0"}
    served.ok("POST", "/v2/events", {"Event": "UpdateProfile", "Data": data, "Previous": before})
    path = "/identity/v2/manage/account/u1/customobject"
    made = served.ok("POST", f"{path}?objectname=kept", CONTENT)["Id"]
    served.ok("PUT", f"{path}/{made}?objectname=kept&updatetype=partialreplace", {"NewPassword": "hunter2-j"})
    served.ok("DELETE", f"{path}/{made}?objectname=kept")
    tried = served.ok("POST", f"/v2/manage/webhooks/{webhook}/test", {"Event": "Login", "Data": data})
    assert tried["Delivered"]
    requests = until(lambda: len(receiver.requests) == 9 and receiver.requests)
    for request in requests:
        sent = json.loads(request.body)["Data"]
        sent = sent.get("CustomObject", sent)
        assert (sent["NewPassword"], sent["Kennwort"], sent["PinCode"]) == (MASK, MASK, "readable-3")
        assert (sent["api-key"], sent["BackupCodes"]) == ([MASK, {"deep": MASK}], [MASK, MASK])
        assert json.loads(json.loads(sent["Request"])["body"]) == {"password": MASK, "uid": "readable-1"}
        assert sent["PasswordPolicy"] == {"MinLength": "readable-2"}
    listed = served.ok("GET", "/v2/manage/events?limit=200")["Data"]
    shown = [served.ok("GET", f"/v2/manage/events/{event['Id']}") for event in listed]
    assert [e["Payload"]["ModifiedFields"] for e in shown if e["Event"] == "UpdateProfile"] == [
        ["NewPassword", "PinCode"]
    ]
    explained = [served.ok("GET", f"/v2/manage/events/{event['Id']}/explain") for event in listed]
    preview = served.ok("POST", "/v2/manage/filters/try", {"Filter": {"Data.Uid": {"$exist": True}}})
    job = {"Kind": "Replay", "WebhookId": webhook, "DryRun": True}
    places = [
        json.dumps(found).encode()
        for found in (shown, explained, preview, served.ok("POST", "/v2/manage/jobs", job))
    ]
    places += [request.body for request in requests]
    served.stop()
    places += [at_rest(served), (served.folder / "log").read_bytes()]
    for place in places:
        assert b"hunter2" not in place
        assert b"20391001" not in place
    assert b"readable-3" in places[-2]  # so the search finds what is there
