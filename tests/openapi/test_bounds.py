"""Every text, list, map and number that a call takes has a bound: the document says it, and one beyond is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openapi.reading import operations
from outrider.api.app import bare_app
from outrider.api.openapi.document import document

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # the same above every store
DOCUMENT = document(bare_app())
Schema = dict[str, Any]
Place = tuple[str, ...]
# What a caller shapes freely, and what bounds it as a whole: bytes, of which each is tried below.
FREE = {
    ("sendEvents", "Data"), ("sendEvents", "Previous"), ("sendOperation", "Data"), ("sendOperation", "Previous"),
    ("testWebhook", "Data"), ("createWebhook", "Filter"), ("updateWebhook", "Filter"), ("tryFilter", "Filter"),
    ("startJob", "Filter"), ("createObject", ""), ("updateObject", ""),
}  # fmt: skip
AUTHENTICATION = {
    "AuthType": "Basic", "BasicAuth": {"Username": "u", "Password": "p"}, "BearerToken": {"Token": "t"},
}  # fmt: skip
LONG = {  # what is as long as wanted and else as it should be
    "date-time": lambda length: "2026-01-31T09:30:00." + "1" * (length - 21) + "Z",
    "uri": lambda length: "https://a.example/" + "a" * (length - 18),
}


def leaves(schema: Schema, place: Place, operation: str) -> Iterator[tuple[Place, Schema]]:
    """Everything in a schema that needs a bound, with its place: names of fields, `[]` for items, `*` for values."""
    schema = resolved(schema)
    if schema.get("readOnly") or (operation, place[-1] if place else "") in FREE:
        return
    for key in ("anyOf", "allOf", "oneOf"):
        for member in schema.get(key, ()):
            yield from leaves({k: v for k, v in schema.items() if k != key} | resolved(member), place, operation)
        if key in schema:
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
    return set([given] if isinstance(given, str) else given) - {"null", "boolean"}


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
    }
    found = [
        "/".join(names) for kind in kinds(schema) for names in needed[kind] if not any(n in schema for n in names)
    ]
    if (
        "object" in kinds(schema)
        and "maxProperties" in schema
        and "maxLength" not in schema.get("propertyNames", {})
    ):
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
