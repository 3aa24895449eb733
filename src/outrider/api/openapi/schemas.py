"""JSON Schema 2020-12 of our types, by msgspec, made shorter without changing what it means."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

REF = "#/components/schemas/{name}"
_NULL = {"type": "null"}
_DECIDING = {
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "const",
}  # keywords that may forbid null, whatever the type says
_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


class Schemas:
    """The schemas of the types given, and the components they refer to, by class name."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        wanted = list(dict.fromkeys(member for given in kinds for member in alternatives(given)))
        found, components = msgspec.json.schema_components(wanted, ref_template=REF)
        wrong = [name for name in components if not _NAME.fullmatch(name)]
        if wrong:
            raise ValueError(f"two types share a name, so neither has a stable one: rename one of {wrong}")
        self._of = dict(zip(wanted, map(tidied, found), strict=True))
        self.components = {name: tidied(components[name]) for name in sorted(components)}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type, which is a reference for a Struct."""
        members = [self._of[member] for member in alternatives(kind)]
        return members[0] if len(members) == 1 else {"anyOf": members}

    def demanding(self, kind: Any, name: str, fields: Sequence[str]) -> dict[str, Any]:
        """A reference to a further component: the Struct `kind` with `fields` required and not null.

        A component of its own, because generators of clients cannot merge a schema with what restates a part of it.
        """
        base = self._resolved(kind)
        properties = base["properties"] | {field: _not_null(base["properties"][field]) for field in fields}
        required = sorted({*base.get("required", ()), *fields}, key=list(properties).index)
        self.components[name] = base | {"title": name, "properties": properties, "required": required}
        return {"$ref": REF.format(name=name)}

    def requires(self, kind: Any) -> bool:
        """Whether an empty object would not do."""
        return all("required" in self._resolved(member) for member in alternatives(kind))

    def _resolved(self, kind: Any) -> dict[str, Any]:
        schema: dict[str, Any] = self._of[kind]
        name = schema.get("$ref", "").removeprefix(REF.format(name=""))
        found: dict[str, Any] = self.components[name] if name else schema
        return {"required": []} if found.get("type") == "array" else found


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The members of a union; msgspec describes no union of Structs that carry no tag."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def tidied(schema: Any) -> Any:
    """The same schema: `null` as a further type where that is enough, defaults as a part of the description."""
    if isinstance(schema, list):
        return [tidied(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _value(key, value) for key, value in schema.items()}
    default = found.pop("default", None)
    if default is not None:  # a generator takes a field that has one for a field that is always there
        shown = msgspec.json.encode(default).decode()
        found["description"] = f"{found.get('description', '')} `{shown}` when absent.".strip()
    if found.get("required") == []:
        del found["required"]
    if "anyOf" in found:
        found = _nullable(found)
    if "$ref" in found:
        found.pop("type", None)  # what is referred to says it
    return found | _of_anything(found)


def _of_anything(schema: dict[str, Any]) -> dict[str, Any]:
    """What JSON Schema means where nothing is said; generators of clients take it for nothing at all."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    said: dict[str, Any] = {}
    if "array" in kinds and "items" not in schema:
        said["items"] = {}
    if "object" in kinds and "properties" not in schema and "additionalProperties" not in schema:
        said["additionalProperties"] = True
    return said


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), list):
        (only,) = [kind for kind in schema["type"] if kind != "null"]
        found = schema | {"type": only}
        if "enum" in found:
            found["enum"] = [value for value in found["enum"] if value is not None]
        return found
    if "anyOf" in schema:
        member: dict[str, Any]
        (member,) = [member for member in schema["anyOf"] if member != _NULL]
        return {key: value for key, value in schema.items() if key != "anyOf"} | member
    return schema


def _value(key: str, value: Any) -> Any:
    if key == "description":
        return inspect.cleandoc(value)
    if key in {"examples", "default", "enum", "const"}:
        return value
    if key == "properties":
        return {name: tidied(schema) for name, schema in value.items()}
    return tidied(value)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    members = schema["anyOf"]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if {} in members:
        return rest
    others = [member for member in members if member != _NULL]
    if len(others) == len(members) or len(others) != 1:
        return schema
    only: dict[str, Any] = others[0]
    if isinstance(only.get("type"), str) and _DECIDING.isdisjoint(only):
        nullable = {"type": [only["type"], "null"]}
        if "enum" in only:
            nullable["enum"] = [*only["enum"], None]
        return only | nullable | rest
    described = {key: only.pop(key) for key in ("description", "examples") if key in only}
    return described | rest | {"anyOf": [only, _NULL]}
