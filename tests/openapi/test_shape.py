"""The shape that ordinary generators of clients read: what each rule is for was found with one of them.

`tests/clients` uses two generators for real. What openapi-generator (python, java, go, typescript-fetch),
oapi-codegen and ogen make of the document in 3.0.3 compiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from openapi.reading import operations
from outrider.api.app import bare_app
from outrider.api.openapi.document import served, served_older

ROOT = Path(__file__).parents[2]
APP = bare_app()
NEWER, OLDER = (msgspec.json.decode(make(APP)) for make in (served, served_older))
BOTH = pytest.mark.parametrize("document", [NEWER, OLDER], ids=["3.1", "3.0"])
VALUES = {"examples", "example", "default", "enum", "const"}
BY_NAME = {"properties", "schemas", "responses"}


def schemas(part: Any, place: str = "", *, named: bool = False) -> Iterator[tuple[str, Any]]:
    """Every schema with where it stands; `named` where keys are names and not keywords."""
    if isinstance(part, list):
        for index, member in enumerate(part):
            yield from schemas(member, f"{place}/{index}")
    elif isinstance(part, dict):
        if not named:
            yield place, part
        for key, value in part.items():
            if named or key not in VALUES:
                yield from schemas(value, f"{place}/{key}", named=not named and key in BY_NAME)
    elif isinstance(part, bool) and named:
        yield place, part


def kinds(schema: dict[str, Any]) -> set[str]:
    said = schema.get("type", [])
    return {said} if isinstance(said, str) else {kind for kind in said if isinstance(kind, str)}


@BOTH
def test_nothing_is_described_by_true_or_false(document: dict[str, Any]) -> None:
    assert [place for place, schema in schemas(document) if isinstance(schema, bool)] == []


@BOTH
def test_arrays_and_objects_say_of_what(document: dict[str, Any]) -> None:
    found = [(place, schema) for place, schema in schemas(document) if isinstance(schema, dict)]
    assert [place for place, schema in found if "array" in kinds(schema) and "items" not in schema] == []
    unsaid = [
        place
        for place, schema in found
        if "object" in kinds(schema) and not schema.keys() & {"properties", "additionalProperties", "allOf"}
    ]
    assert unsaid == []


@BOTH
def test_only_parameters_have_defaults(document: dict[str, Any]) -> None:
    """A field with a default is taken for one that is always there."""
    found = [place for place, schema in schemas(document) if isinstance(schema, dict) and "default" in schema]
    assert [place for place in found if "/parameters/" not in place] == []


@BOTH
def test_references_stand_without_a_type(document: dict[str, Any]) -> None:
    beside = [
        place
        for place, schema in schemas(document)
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and "type" in schema
    ]
    assert beside == []


@BOTH
def test_request_bodies_restate_nothing(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        assert "allOf" not in schema, (path, method)


@BOTH
def test_dates_have_a_format_and_no_pattern(document: dict[str, Any]) -> None:
    dates = [s for _, s in schemas(document) if isinstance(s, dict) and s.get("format") == "date-time"]
    assert dates
    assert not any("pattern" in date for date in dates)


def test_the_older_one_is_valid_and_committed() -> None:
    OpenAPIV30SpecValidator(OLDER).validate()
    assert (ROOT / "docs/openapi-3.0.json").read_bytes() == bytes(served_older(APP)), "run make openapi"


def test_the_older_one_has_every_call() -> None:
    newer, older = (
        {found[2]["operationId"]: found[:2] for found in operations(document)} for document in (NEWER, OLDER)
    )
    assert newer == older


def test_the_older_one_has_no_newer_words() -> None:
    words = {"const", "propertyNames", "exclusiveMinimum", "webhooks"}
    for place, schema in schemas(OLDER):
        assert isinstance(schema, dict), place
        assert not words & schema.keys(), place
        assert not isinstance(schema.get("type"), list), place
