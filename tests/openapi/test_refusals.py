"""Refusals that generated requests do not come to, at every call: documented, with their codes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from harness import API_KEY, API_SECRET, Served
from openapi.reading import content, operations, validator
from outrider.api.app import bare_app
from outrider.api.openapi.document import document
from outrider.api.openapi.examples import every
from outrider.app.access import Scope

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # the same above every store
DOCUMENT = document(bare_app())
GUARDED = [
    pytest.param(*found, id=found[2]["operationId"]) for found in operations(DOCUMENT) if found[2]["security"]
]
WITH_BODIES = [found for found in GUARDED if "requestBody" in found.values[2]]
STRANGER = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": "wrong"}
BROKEN = (b"{", b"no JSON", b'{"a":"\xff"}', b"[1]", b'"text"', b"{}{}")


@pytest.fixture(scope="module")
def bearers(shared: Served) -> Iterator[dict[str, str]]:
    """A token with each scope alone."""
    made = {str(scope): shared.ok("POST", "/v2/manage/keys", {"Name": scope, "Scopes": [scope]}) for scope in Scope}
    yield {scope: key["Token"] for scope, key in made.items()}
    for key in made.values():
        shared.ok("DELETE", f"/v2/manage/keys/{key['Id']}")


def documented(operation: dict[str, Any], status: int, answer: Any) -> int:
    """The answer's code, which the operation documents under this status."""
    validator(DOCUMENT, content(DOCUMENT, operation, status)["schema"]).validate(answer)
    return int(answer["ErrorCode"])


@pytest.mark.parametrize(("path", "method", "operation"), GUARDED)
def test_credentials(
    shared: Served, bearers: dict[str, str], path: str, method: str, operation: dict[str, Any]
) -> None:
    newer = path.startswith("/v2/")
    wanted = operation["x-required-scopes"]
    refusals: list[tuple[dict[str, str], int, int]] = [
        ({}, 400, 922),
        ({"X-LoginRadius-ApiKey": API_KEY}, 400, 923),
        ({"X-LoginRadius-ApiKey": "wrong", "X-LoginRadius-ApiSecret": API_SECRET}, 403, 901),
        ({"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": "wrong"}, 401, 902),
        ({"Authorization": "Bearer ork_wrong"}, 401, 6002 if newer else 901),
    ]
    for scope, token in bearers.items():
        if wanted != [scope]:
            refusals.append(({"Authorization": f"Bearer {token}"}, 403, 6002 if newer else 1143))
    body = next(example.body for example in every()[operation["operationId"]].values())
    for headers, status, code in refusals:
        found, answer = shared.call(method.upper(), path.replace("{", "").replace("}", ""), body, headers=headers)
        assert (found, documented(operation, found, answer)) == (status, code), answer


@pytest.mark.parametrize(("path", "method", "operation"), WITH_BODIES)
def test_bodies_that_are_no_objects(shared: Served, path: str, method: str, operation: dict[str, Any]) -> None:
    where = path.replace("{", "").replace("}", "") + "?objectname=orders"
    for body in BROKEN:
        status, answer = shared.call(method.upper(), where, raw=body)
        assert 400 <= status < 500, (body, answer)
        documented(operation, status, answer)


@pytest.mark.parametrize(("path", "method", "operation"), GUARDED)
def test_strangers_hear_of_their_credentials_before_anything_else(
    shared: Served, path: str, method: str, operation: dict[str, Any]
) -> None:
    """Not of the body, of a parameter that is missing, nor of what their path names."""
    bodies = (b"{}", *BROKEN) if "requestBody" in operation else (None,)
    where = path.replace("{", "").replace("}", "")
    for target in (where, where.replace("/uid/", "/a%00b/") + "?limit=x&cursor=x"):
        for body in bodies:
            status, answer = shared.call(method.upper(), target, raw=body, headers=STRANGER)
            assert (status, answer["ErrorCode"]) == (401, 902), (target, body, answer)


def test_strangers_need_not_send_their_body(shared: Served) -> None:
    host, port = shared.url.removeprefix("http://").split(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in STRANGER.items())
    for path in ("/v2/manage/webhooks", "/api/v2/webhook", "/identity/v2/manage/account/u/customobject"):
        with socket.create_connection((host, int(port)), timeout=20) as peer:
            peer.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\n{head}content-length: 5\r\n\r\n".encode())
            assert peer.recv(65536).startswith(b"HTTP/1.1 401 ")
