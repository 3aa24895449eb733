"""The document as OpenAPI 3.0.3, for generators of clients that do not read 3.1.

It says of calls what 3.1 says, in the older words, with three exceptions. What receivers get (`webhooks`) has no
place in 3.0. Where a value may be of several types it is of any, because generators disagree about unions most. And
which `ErrorCode` an answer has stands in its description alone: as a schema it would be a type for each answer.
Source: OpenAPI 3.0.3, section 4.7.24 (Schema Object).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_LITERAL = {"example", "default", "enum", "value"}  # values, not schemas
_UNKNOWN = (
    "propertyNames",
    "$schema",
    "const",
    "examples",
)  # keywords 3.0 does not have, said otherwise or not at all
_REFERENCE = re.compile(r'"#/components/(\w+)/([^"]+)"')


def downgraded(found: dict[str, Any]) -> dict[str, Any]:
    """The 3.1 document `found` in 3.0.3, without its webhooks and what only they use."""
    info = found["info"] | {"license": {"name": found["info"]["license"]["name"]}}
    kept = {"paths": _node(found["paths"]), "security": found["components"]["securitySchemes"]}
    components = {kind: _node(found["components"][kind]) for kind in ("schemas", "responses")}
    referred = _referred(kept["paths"], components)
    schemes = {name: scheme for name, scheme in kept["security"].items() if f'"{name}"' in _text(kept["paths"])}
    return {
        "openapi": "3.0.3",
        "info": info,
        "servers": found["servers"],
        "tags": [tag for tag in found["tags"] if f'"{tag["name"]}"' in _text(kept["paths"])],
        "paths": kept["paths"],
        "components": {
            kind: {name: part for name, part in parts.items() if (kind, name) in referred}
            for kind, parts in components.items()
        }
        | {"securitySchemes": schemes},
    }


def _referred(paths: dict[str, Any], components: dict[str, dict[str, Any]]) -> set[tuple[str, str]]:
    """The components that the calls lead to."""
    reached: set[tuple[str, str]] = set()
    waiting = set(_REFERENCE.findall(_text(paths)))
    while waiting:
        kind, name = found = waiting.pop()
        if found not in reached:
            reached.add(found)
            waiting |= set(_REFERENCE.findall(_text(components[kind][name])))
    return reached


def _text(part: Any) -> str:
    return msgspec.json.encode(part).decode()


def _node(part: Any, *, named: bool = False) -> Any:
    """`named`: the keys of this object are names that we chose, not keywords."""
    if isinstance(part, list):
        return [_node(member) for member in part]
    if not isinstance(part, dict):
        return part
    if not named and "$ref" in part:
        return {"$ref": part["$ref"]} if len(part) == 1 else _beside({**part})
    found = {
        key: value if key in _LITERAL and not named else _node(value, named=not named and key == "properties")
        for key, value in part.items()
        if named or key not in _UNKNOWN or _is_named(key, value)
    }
    return found if named else _schema(part, found)


def _is_named(key: str, value: Any) -> bool:
    """The `examples` of a media type or a parameter stay: an object by name; those of a schema are a list."""
    return key == "examples" and isinstance(value, dict)


def _beside(part: dict[str, Any]) -> dict[str, Any]:
    """3.0 ignores what stands beside a reference."""
    reference = {"$ref": part.pop("$ref")}
    rest: dict[str, Any] = _node(part)
    return {"allOf": [reference]} | rest


def _schema(part: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    if "const" in part:
        found["enum"] = [part["const"]]
    if isinstance(part.get("examples"), list) and part["examples"]:
        found["example"] = part["examples"][0]
    kinds = part.get("type")
    if isinstance(kinds, list):
        (found["type"],) = [kind for kind in kinds if kind != "null"]
        found["nullable"] = True
    if isinstance(part.get("allOf"), list):
        whole = [member for member in found.pop("allOf") if member.keys() != {"properties"}]
        found |= whole[0] if len(whole) == 1 and not found else {"allOf": whole}
    if isinstance(part.get("anyOf"), list):
        found |= _alternatives(found.pop("anyOf"))
    return found


def _alternatives(members: list[dict[str, Any]]) -> dict[str, Any]:
    others = [member for member in members if member.get("type") != "null"]
    nullable = {"nullable": True} if len(others) < len(members) else {}
    return nullable | ({"allOf": others} if len(others) == 1 else {})
