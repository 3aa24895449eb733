"""The document as OpenAPI 3.0.3, for generators of clients that do not read 3.1.

It says of calls what 3.1 says, in the older words, with these exceptions. What receivers get (`webhooks`) has no
place in 3.0. Where a value may be of several types it is of any, because generators disagree about unions most.
Which `ErrorCode` an answer has stands in its description alone: as a schema it would be a type for each answer.
Examples of whole requests and answers are left to the newer document.
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
    rewrite = _Rewriting(found["components"]["schemas"]).node
    paths = rewrite(found["paths"])
    components = {kind: rewrite(found["components"][kind]) for kind in ("schemas", "responses")}
    referred = _referred(paths, components)
    shown, schemes = _text(paths), found["components"]["securitySchemes"]
    return {
        "openapi": "3.0.3",
        "info": found["info"] | {"license": {"name": found["info"]["license"]["name"]}},
        "servers": found["servers"],
        "tags": [tag for tag in found["tags"] if f'"{tag["name"]}"' in shown],
        "paths": paths,
        "components": {
            kind: {name: part for name, part in parts.items() if (kind, name) in referred}
            for kind, parts in components.items()
        }
        | {"securitySchemes": {name: scheme for name, scheme in schemes.items() if f'"{name}"' in shown}},
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


class _Rewriting:
    """`schemas` are the components that references lead to."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas

    def node(self, part: Any, *, named: bool = False) -> Any:
        """Any part of the document. `named`: the keys of this object are names that we chose, not keywords."""
        if isinstance(part, list):
            return [self.node(member) for member in part]
        if not isinstance(part, dict):
            return part
        if not named and "$ref" in part and len(part) > 1:  # 3.0 ignores what stands beside a reference
            rest = {key: value for key, value in part.items() if key != "$ref"}
            return {"allOf": [{"$ref": part["$ref"]}]} | self._schema(rest)
        return {key: self.node(value) for key, value in part.items()} if named else self._schema(part)

    def _schema(self, part: dict[str, Any]) -> dict[str, Any]:
        found = {
            key: value if key in _LITERAL else self.node(value, named=key == "properties")
            for key, value in part.items()
            if key not in _UNKNOWN
        }
        if "const" in part:
            found["enum"] = [part["const"]]
        if isinstance(part.get("examples"), list) and part["examples"]:
            found["example"] = part["examples"][0]
        if isinstance(part.get("type"), list):
            (found["type"],) = [kind for kind in part["type"] if kind != "null"]
            found["nullable"] = True
        if isinstance(part.get("allOf"), list):
            whole = [member for member in found.pop("allOf") if member.keys() != {"properties"}]
            found |= whole[0] if len(whole) == 1 and not found else {"allOf": whole}
        if isinstance(part.get("anyOf"), list):
            found |= self._alternatives(found.pop("anyOf"))
        return found

    def _alternatives(self, members: list[dict[str, Any]]) -> dict[str, Any]:
        """Nothing but null and one reference can be said; `nullable` wants a type beside it."""
        others = [member for member in members if member.get("type") != "null"]
        if len(others) != 1 or "$ref" not in others[0]:
            return {}
        kind = self._schemas[others[0]["$ref"].rpartition("/")[2]]["type"]
        return {"allOf": others, "type": kind, "nullable": True}
