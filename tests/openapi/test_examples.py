"""Every example of the document, sent to a served Outrider: the documented status, and the documented answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from harness import API_KEY, API_SECRET
from openapi.conftest import Enclosed
from openapi.reading import content, operations, validator
from outrider.api.app import bare_app
from outrider.api.openapi.document import document
from outrider.api.openapi.examples import Example, every

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # the same above every store
DOCUMENT = document(bare_app())
ORDER = ("get", "post", "put", "delete")  # what is read is there still, what is deleted is needed no more
SENT = sorted(
    (
        (path, method, name, example)
        for path, method, operation in operations(DOCUMENT)
        for name, example in every().get(operation["operationId"], {}).items()
    ),
    key=lambda sent: ORDER.index(sent[1]),
)
CHANGING = {
    "an instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "a UUID": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "what made it": r"(?:resend|job):[0-9a-f-]{36}",
    "an id": r"[0-9a-f]{24}",
    "a process": r"[0-9a-f]{32}",
    "a secret": r"whsec_[A-Za-z0-9+/]+={0,2}",
    "a token": r"ork_[A-Za-z0-9_-]{43}_[0-9a-f]{8}",
    "a signature": r"[0-9A-F]{64}",
    "a standard signature": r"v1,[A-Za-z0-9+/]+={0,2}",
    "a request id": r"\|[0-9a-f]{32}\.[0-9a-f]{8}_\d+\.",
    "a tenant": r"appId=cid-v1:[0-9a-f-]{36}",
    "seconds": r"\d{10}",
    "a version": r"Outrider/[0-9.]+",
}
# Other ones on another machine.
ELSEWHERE = {"Duration": "timings", "Host": "a host", "ProcessId": "a process id", "Turns": "timings"}


@pytest.fixture(scope="module")
def served(enclosed: Callable[[], Enclosed]) -> Enclosed:
    return enclosed()


@pytest.mark.parametrize(
    ("path", "method", "name", "example"), SENT, ids=[f"{method} {path} {name}" for path, method, name, _ in SENT]
)
def test_an_example_holds(served: Enclosed, path: str, method: str, name: str, example: Example) -> None:
    operation = DOCUMENT["paths"][path][method]
    url, headers = _placed(path, operation.get("parameters", []), example.parameters)
    headers |= {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
    status, answer = served.call(method.upper(), url, example.body, headers=headers)
    assert status == example.status, answer
    validator(DOCUMENT, content(DOCUMENT, operation, status)["schema"]).validate(answer)
    assert _kinds(answer) == _kinds(example.answer), json.dumps(answer, indent=1)


def _placed(path: str, parameters: list[dict[str, Any]], given: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The URL, and the headers."""
    query, headers = {}, {}
    known = {parameter["name"]: parameter["in"] for parameter in parameters}
    for name, value in given.items():
        text = json.dumps(value) if isinstance(value, bool) else str(value)
        if known[name] == "path":
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        elif known[name] == "query":
            query[name] = text
        else:
            headers[name] = text
    return path + ("?" + urlencode(query) if query else ""), headers


def _kinds(answer: Any) -> Any:
    """The answer with what differs from run to run replaced by its kind."""
    if isinstance(answer, dict):
        return {name: ELSEWHERE.get(name) or _kinds(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_kinds(value) for value in answer]
    if isinstance(answer, str):
        found = next((kind for kind, shape in CHANGING.items() if re.fullmatch(shape, answer)), answer)
        return re.sub(r"\bwebhook [0-9a-f]{24}\b", "a webhook", found)
    return answer


def test_the_receiver_of_the_examples_is_the_only_one(served: Enclosed) -> None:
    """What the guard of these tests is worth: other names and addresses are not reached."""
    for host in ("192.0.2.1", "[2001:db8::1]"):
        status, _ = served.call("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": f"https://{host}/"})
        assert status == 400
    for host in ("outrider.example.org", "localhost:1"):
        made = served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": f"https://{host}/"})
        assert served.ok("POST", f"/v2/manage/webhooks/{made['Id']}/test", {})["Reason"] == "dns"
    assert served.receiver.requests
