"""The delivered request: every header that LoginRadius documents, in its form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from harness import API_SECRET, Receiver, Served, until
from outrider.domain.signing import loginradius_signature

pytestmark = pytest.mark.slow
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FORMS = {
    "host": r"localhost:\d+",
    "accept": r"application/json",
    "accept-encoding": r"identity",
    "content-type": r"application/json; charset=utf-8",
    "request-context": rf"appId=cid-v1:{GUID}",
    "request-id": r"\|[0-9a-f]{32}\.[0-9a-f]{8}_1\.",
    "signature": r"[0-9A-F]{64}",
    "user-agent": r"Outrider/[\d.]+",
    "content-length": r"\d+",
}


def test_the_documented_headers_and_envelope(
    serve: Callable[..., Served], receive: Callable[..., Receiver]
) -> None:
    served, receiver = serve(), receive()
    hook = {"Event": "emailVerification", "TargetUrl": receiver.url()}
    served.ok("POST", "/api/v2/webhook", hook)
    served.ok("POST", "/v2/events", {"Event": "emailverification", "Data": {"Uid": "u", "NickName": None}})
    request = until(lambda: receiver.requests)[0]
    for name, form in FORMS.items():
        assert re.fullmatch(form, request.headers[name]), (name, request.headers[name])
    assert request.headers["signature"] == loginradius_signature(API_SECRET, request.body)
    body = json.loads(request.body)
    assert list(body) == ["HookName", "HookId", "Data", "Time"]
    assert (body["HookName"], body["Data"]) == ("emailverification", {"Uid": "u", "NickName": None})
    assert re.fullmatch(GUID, body["HookId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["Time"])
