"""Reading the document: its operations, its schemas as validators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

METHODS = ("get", "post", "put", "delete", "patch")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation)."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS, method
            yield path, method, operation


def content(document: dict[str, Any], operation: dict[str, Any], status: int) -> dict[str, Any]:
    """The JSON of an answer: schema and examples."""
    answer = operation["responses"][str(status)]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = answer["content"]["application/json"]
    return found


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that knows the document's components."""
    return Draft202012Validator(
        schema | {"components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
