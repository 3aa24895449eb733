"""The document is valid, whole, the same every time, and the one in `docs/`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from litestar import Litestar, get
from litestar.di import Provide
from litestar.params import PathParameter
from openapi_spec_validator import OpenAPIV31SpecValidator

from openapi.reading import operations, validator
from outrider import catalog
from outrider.api.app import bare_app
from outrider.api.models.common import Deleted
from outrider.api.openapi import examples, webhooks
from outrider.api.openapi.call import Undocumented, calls
from outrider.api.openapi.document import document, encoded
from outrider.api.openapi.schemas import Schemas, tidied
from outrider.api.refusals import NO_JOB
from outrider.dispatch.request import build, template
from outrider.domain.envelope import envelope
from outrider.domain.model import Authentication, AuthType, Delivery, Tenant, TenantBook, Webhook

pytestmark = pytest.mark.stores("sqlite")  # the same above every store

DOCUMENT: dict[str, Any] = msgspec.json.decode(encoded(document(bare_app())))
COMMITTED = Path(__file__).parents[2] / "docs/openapi.json"
OPERATIONS = [pytest.param(*found, id=found[2].get("operationId")) for found in operations(DOCUMENT)]
TAGS = {tag["name"] for tag in DOCUMENT["tags"]}


def test_it_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_committed_copy_is_what_is_served() -> None:
    assert COMMITTED.read_bytes() == encoded(document(bare_app())), (
        "the API changed: run make openapi, and review it"
    )


@pytest.mark.slow
def test_it_is_the_same_in_every_process() -> None:
    for seed in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-m", "outrider.api.openapi"],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        )
        assert made.stdout == COMMITTED.read_bytes()


def test_it_keeps_a_sensible_size() -> None:
    assert len(msgspec.json.encode(DOCUMENT)) < 400_000


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_says_enough(path: str, method: str, operation: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z]+(?:[A-Z][a-z]+)+", operation["operationId"])
    assert re.fullmatch(r"[A-Z][^\n]{5,89}(?<!\.)", operation["summary"])
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in TAGS
    promised = set(operation["responses"])
    succeeded = promised & {"200", "202"}
    assert len(succeeded) == 1
    expected = {"400", "401", "403", "500", "503"} if operation["security"] else {"405"}
    expected |= {"429"} if operation["security"] and operation["tags"] != ["Intake"] else set()
    expected |= {"408", "413"} if "requestBody" in operation else set()
    expected |= {"404"} if "{" in path else set()
    assert promised >= expected
    assert promised - succeeded <= {"400", "401", "403", "404", "405", "408", "409", "413", "429", "500", "503"}
    assert (
        operation["operationId"] in {"getOpenApi", "getOlderOpenApi"} or examples.every()[operation["operationId"]]
    )


def test_operation_ids_are_unique() -> None:
    every = [operation["operationId"] for _, _, operation in operations(DOCUMENT)]
    every += [item["post"]["operationId"] for item in DOCUMENT["webhooks"].values()]
    assert len(every) == len(set(every))


def test_examples_are_of_calls_there_are() -> None:
    assert set(examples.every()) <= {operation["operationId"] for _, _, operation in operations(DOCUMENT)}


def test_every_component_is_used_and_every_reference_leads_somewhere() -> None:
    referred = set(re.findall(r'"#/components/([^"]+)"', json.dumps(DOCUMENT)))
    there = {
        f"{kind}/{name}" for kind in ("schemas", "responses", "parameters") for name in DOCUMENT["components"][kind]
    }
    assert referred == there
    used = {name for found in _securities() for name in found}
    assert used == set(DOCUMENT["components"]["securitySchemes"])


def _securities() -> list[dict[str, Any]]:
    every = [operation["security"] for _, _, operation in operations(DOCUMENT)]
    every += [item["post"]["security"] for item in DOCUMENT["webhooks"].values()]
    return [found for securities in every for found in securities]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_examples_fit_their_schemas(path: str, method: str, operation: dict[str, Any]) -> None:
    for name, example in examples.every().get(operation["operationId"], {}).items():
        answer = operation["responses"][str(example.status)]["content"]["application/json"]
        assert answer["examples"][name]["value"] == example.answer
        validator(DOCUMENT, answer["schema"]).validate(example.answer)
        if example.status < 300 and example.body is not None:
            body = operation["requestBody"]["content"]["application/json"]
            validator(DOCUMENT, body["schema"]).validate(example.body)


@pytest.mark.parametrize("kind", catalog.all_types(), ids=lambda kind: kind.name)
def test_every_event_type_is_described(kind: catalog.EventType) -> None:
    received = DOCUMENT["webhooks"][kind.name]["post"]
    schema = validator(DOCUMENT, received["requestBody"]["content"]["application/json"]["schema"])
    for sample in kind.samples().values():
        body = envelope(kind.name, "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", msgspec.json.encode(sample), 0)
        schema.validate(json.loads(body))
        assert not schema.is_valid(json.loads(body) | {"HookName": "another"})
        assert not schema.is_valid(json.loads(body) | {"Data": {}})
    changed = json.loads(body) | {"ModifiedFields": ["FirstName"]}
    assert schema.is_valid(changed) is (kind.name == "UpdateProfile")
    assert set(received["responses"]) == {"2XX", "410", "429", "503", "default"}


def test_no_event_type_is_left_out() -> None:
    assert set(DOCUMENT["webhooks"]) == set(catalog.names())


class OpenVault:
    """Seals nothing: what it unseals is the text itself."""

    def unseal(self, sealed: str, purpose: str) -> str:
        return sealed


def test_the_headers_described_are_those_sent() -> None:
    tenant = Tenant("0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1c", "t", "key", "the-api-secret", 0)
    webhook = Webhook(
        id="6a12f0b04c1d9e7f3a5b8c20", tenant=tenant.id, name="", events=("Login",), target_url="https://a.example",
        secret="", authentication=Authentication(AuthType.BEARER, "", "token"), headers=None, query_params=None,
        created=0, modified=0,
    )  # fmt: skip
    event = "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
    delivery = Delivery("d", tenant.id, webhook.id, event, "Login", None, b"{}", 0, 0)
    book = TenantBook(tenant, 1, {webhook.id: webhook}, {}, {})
    common = template(webhook, book, OpenVault(), 1_000)
    request = build(delivery, common, now=1_000, nonce=b"abcd", timeout_ms=1)
    sent = dict((*request.fixed, *request.headers))
    assert set(sent) == set(webhooks.HEADERS) | {"authorization"}
    for name, (_, schema) in webhooks.HEADERS.items():
        validator(DOCUMENT, schema).validate(sent[name])
    described = {name for name in webhooks.HEADERS if name not in {"accept", "content-type"}}
    assert set(DOCUMENT["components"]["parameters"]) == described


def _app(*handlers: Any) -> Litestar:
    return Litestar(
        [*handlers],
        dependencies={"tenant": Provide(lambda: "", sync_to_thread=False)},
        openapi_config=None,
        logging_config=None,
    )


@pytest.mark.parametrize(
    ("said", "path", "missing"),
    [
        ({}, "/x", "operation_id"),
        ({"operation_id": "readX", "summary": "Read x"}, "/x", "one tag"),
        ({"operation_id": "readX", "tags": ["History"]}, "/x", "summary"),
        ({"operation_id": "readX", "summary": "Read x", "tags": ["History"]}, "/x/{x_id:str}", "refusals"),
        (
            {"operation_id": "readX", "summary": "Read x", "tags": ["History"], "refusals": (NO_JOB,)},
            "/x/{x_id:str}",
            "describe it",
        ),
        ({"operation_id": "readX", "summary": "Read x", "tags": ["History"]}, "/x", "Struct of api/models"),
    ],
)
def test_a_route_that_says_too_little_is_told_what_is_missing(
    said: dict[str, Any], path: str, missing: str
) -> None:
    if "{" in path:

        @get(path, **said)
        async def handler(tenant: str, x_id: Annotated[str, PathParameter()]) -> Deleted: ...

    else:

        @get(path, **said)
        async def handler(tenant: str) -> None: ...

    with pytest.raises(Undocumented, match=missing):
        list(calls(_app(handler)))


def test_two_types_of_one_name_are_refused() -> None:
    one, other = (msgspec.defstruct("Same", [("Field", int)], module=module) for module in ("one", "other"))
    with pytest.raises(ValueError, match="share a name"):
        Schemas([one, other])


def test_tidying_keeps_the_meaning() -> None:
    told = {"description": "d", "type": "string", "maxLength": 3}
    null = {"type": "null"}
    assert tidied({"anyOf": [told, null], "default": None}) == told | {"type": ["string", "null"]}
    assert tidied({"anyOf": [{"type": "string", "enum": ["a"]}, null]})["enum"] == ["a", None]
    decided = {"type": "string", "anyOf": [{"enum": ["a"]}, {"const": ""}]}
    assert tidied({"anyOf": [decided, null]}) == {"anyOf": [decided, null]}
    referred = tidied({"anyOf": [{"$ref": "#/x", "description": "d"}, null]})
    assert referred == {"description": "d", "anyOf": [{"$ref": "#/x"}, null]}
    assert tidied({"anyOf": [{}, null], "description": "d"}) == {"description": "d"}
    assert tidied({"anyOf": [{"type": "string"}, {"type": "array"}, null]})["anyOf"][-1] == null
    assert tidied({"properties": {"default": {"default": None}}}) == {"properties": {"default": {}}}
