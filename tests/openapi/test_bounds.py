"""Every text, list, map and number that a call takes has a bound: it is documented, and one beyond is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from openapi.conftest import Enclosed
from openapi.reading import operations
from outrider.api.app import bare_app
from outrider.api.openapi.document import document
from outrider.api.openapi.examples import every

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # the same above every store
DOCUMENT = document(bare_app())
Schema = dict[str, Any]
Place = tuple[str, ...]
# What a caller shapes freely, and what bounds it as a whole: bytes, of which each is tried below.
FREE = {
    ("sendEvents", "Data"), ("sendEvents", "Previous"), ("sendOperation", "Data"), ("sendOperation", "Previous"),
    ("testWebhook", "Data"), ("createWebhook", "Filter"), ("updateWebhook", "Filter"), ("tryFilter", "Filter"),
    ("startJob", "Filter"), ("createCustomObject", ""), ("updateCustomObject", ""),
}  # fmt: skip
AUTHENTICATION = {
    "AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "p"}, "BearerToken": {"Token": "t"},
}  # fmt: skip
LONG = {  # what is as long as wanted and else as it should be
    "date-time": lambda length: "2026-01-31T09:30:00." + "1" * (length - 21) + "Z",
    "uri": lambda length: "https://a.example/" + "a" * (length - 18),
}


def leaves(schema: Schema, place: Place, operation: str) -> Iterator[tuple[Place, Schema]]:
    """Everything in a schema that needs a bound, with its place: fields' names, `[]` for items, `*` for values."""
    schema = resolved(schema)
    if schema.get("readOnly") or (operation, place[-1] if place else "") in FREE:
        return
    members = [
        *schema.get("anyOf", ()),
        *schema.get("allOf", ())[:1],
    ]  # those after the first only ask for fields
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "allOf"}}
    for member in members:
        yield from leaves(rest | resolved(member), place, operation)
    if members:
        return
    yield place, schema
    for name, field in schema.get("properties", {}).items():
        yield from leaves(field, (*place, name), operation)
    if "items" in schema:
        yield from leaves(schema["items"], (*place, "[]"), operation)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from leaves(schema["additionalProperties"], (*place, "*"), operation)


def resolved(schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return resolved(found) | {key: value for key, value in schema.items() if key != "$ref"}


def kinds(schema: Schema) -> set[str]:
    given = schema.get("type", [])
    return {given} if isinstance(given, str) else set(given)


def lacking(schema: Schema) -> list[str]:
    """The bounds that a schema should say and does not."""
    if "enum" in schema or "const" in schema:
        return []
    needed = {
        "string": [("maxLength",)],
        "array": [("maxItems",)],
        "integer": [("minimum",), ("maximum",)],
        "number": [("minimum", "exclusiveMinimum"), ("maximum",)],
        "object": [] if schema.get("additionalProperties") is False else [("maxProperties",)],
        "boolean": [],
        "null": [],
    }
    wanted = [names for kind in kinds(schema) for names in needed[kind]]
    found = ["/".join(names) for names in wanted if not any(name in schema for name in names)]
    if "maxProperties" in schema and "maxLength" not in schema.get("propertyNames", {}):
        found.append("propertyNames.maxLength")
    return found if kinds(schema) else ["type"]


def bodies() -> Iterator[tuple[str, str, str, Place, Schema]]:
    for path, method, operation in operations(DOCUMENT):
        body = operation.get("requestBody")
        if body is not None:
            schema = body["content"]["application/json"]["schema"]
            for place, found in leaves(schema, (), operation["operationId"]):
                yield path, method, operation["operationId"], place, found


def parameters() -> Iterator[tuple[str, str, str, str, Schema]]:
    for path, method, operation in operations(DOCUMENT):
        for parameter in operation.get("parameters", ()):
            schema = resolved(parameter["schema"])
            if kinds(schema):
                yield path, method, operation["operationId"], parameter["name"], parameter | {"schema": schema}


def test_everything_a_call_takes_has_a_bound() -> None:
    missing = {
        f"{operation} {'.'.join(place) or 'body'}: {', '.join(lacking(schema))}"
        for _, _, operation, place, schema in bodies()
        if lacking(schema)
    }
    missing |= {
        f"{operation} parameter {name}: {', '.join(lacking(found['schema']))}"
        for _, _, operation, name, found in parameters()
        if lacking(found["schema"])
    }
    assert sorted(missing) == []


def test_the_walk_finds_what_has_none() -> None:
    found = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "Text": {"type": "string"},
            "List": {"anyOf": [{"type": "array", "maxItems": 1, "items": {"type": "integer", "minimum": 0}}, {}]},
            "Map": {"type": ["object", "null"], "maxProperties": 3, "additionalProperties": {"type": "string"}},
            "Bounded": {"type": "string", "maxLength": 4},
        },
    }
    missing = {".".join(place): lacking(schema) for place, schema in leaves(found, (), "") if lacking(schema)}
    assert missing == {
        "Text": ["maxLength"], "List.[]": ["maximum"], "List": ["type"], "Map": ["propertyNames.maxLength"],
        "Map.*": ["maxLength"],
    }  # fmt: skip


Beyond = tuple[str, Any]


def beyond(operation: str, place: Place, schema: Schema) -> Iterator[Beyond]:
    """One beyond each bound, as it should be otherwise; what it is beyond."""
    if "maxLength" in schema:
        yield "maxLength", LONG.get(schema.get("format", ""), "a".__mul__)(schema["maxLength"] + 1)
    if "maxItems" in schema:
        item = EVENT if operation in {"sendEvents", "sendOperation"} else ITEMS[place[-1]]
        yield "maxItems", [item] * (schema["maxItems"] + 1)
    if "maxProperties" in schema:
        yield "maxProperties", {f"n{number}": "v" for number in range(schema["maxProperties"] + 1)}
        yield "propertyNames", {"n" * (schema["propertyNames"]["maxLength"] + 1): "v"}
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + 1
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1


ITEMS: dict[str, Any] = {
    "Events": "Login", "RetrySchedule": 1, "Scopes": "manage:read", "PlainHeaders": "x-a", "PlainQueryParams": "a",
}  # fmt: skip
EVENT = {"Event": "Login", "Data": {"Uid": "u"}}
BODIES = [
    pytest.param(path, method, place, value, id=f"{operation} {'.'.join(place) or 'body'} {bound}")
    for path, method, operation, place, schema in bodies()
    for bound, value in beyond(operation, place, schema)
]
PARAMETERS = [
    pytest.param(path, method, found, value, id=f"{operation} {name} {bound}")
    for path, method, operation, name, found in parameters()
    for bound, value in beyond(operation, (), found["schema"])
]


@pytest.fixture(scope="module")
def served(enclosed: Callable[[], Enclosed]) -> Enclosed:
    return enclosed()


@pytest.mark.parametrize(("path", "method", "place", "value"), BODIES)
def test_one_beyond_a_bound_is_refused(served: Enclosed, path: str, method: str, place: Place, value: Any) -> None:
    operation = DOCUMENT["paths"][path][method]["operationId"]
    examples = every()[operation]
    taken = [example for example in examples.values() if example.body is not None and example.status < 300]
    example = max(taken, key=lambda example: len(json.dumps(example.body)))
    whole = example.body[0] if isinstance(example.body, list) and place[:1] != ("[]",) else example.body
    body = placed(deepcopy(whole), place, value)
    url = path
    for name, given in example.parameters.items():
        url = url.replace(f"{{{name}}}", quote(str(given), safe=""))
    status, answer = served.call(method.upper(), url, body)
    assert 400 <= status < 500, answer
    named = answer.get("Field")
    assert named is None or not place or named.lower().startswith((place[0].lower(), "body", "[")), answer


def placed(body: Any, place: Place, value: Any) -> Any:
    """`body` with `value` at the place, and everything around it that it takes."""
    if not place:
        return value
    first, rest = place[0], place[1:]
    if first == "Authentication":
        return body | {first: inside(deepcopy(AUTHENTICATION), rest, value)}
    if first == "[]":
        return [placed(body[0] if isinstance(body, list) else body, rest, value)]
    if first == "*":
        return {"x-a": value}
    return body | {first: placed(body.get(first, {}), rest, value)}


def inside(body: Any, place: Place, value: Any) -> Any:
    return body | {place[0]: inside(body[place[0]], place[1:], value)} if place else value


@pytest.mark.parametrize(("path", "method", "parameter", "value"), PARAMETERS)
def test_one_beyond_a_parameters_bound_is_refused(
    served: Enclosed, path: str, method: str, parameter: Schema, value: Any
) -> None:
    examples = every()[DOCUMENT["paths"][path][method]["operationId"]].values()
    given = next(iter(examples)).parameters | {parameter["name"]: value}
    query = {}
    for name, text in given.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(text), safe=""))
        else:
            query[name] = text
    body = next((example.body for example in examples if example.body is not None), None)
    status, answer = served.call(method.upper(), f"{path}?{urlencode(query)}", body)
    assert 400 <= status < 500, answer
