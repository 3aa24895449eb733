"""Request bodies: JSON whose keys match case-insensitively, with or without underscores.

`targeturl`, `target_url` and `TargetUrl` are one key, as in LoginRadius' API. Maps of the caller's own names
(headers, query parameters) and payloads are left alone.
"""

from __future__ import annotations

import re
import types
import typing
from functools import cache
from typing import Any, TypeVar

import msgspec

from outrider.api.codes import BODY_INVALID
from outrider.app import wellformed
from outrider.domain.errors import InvalidField

T = TypeVar("T")
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>\$.*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<given>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_RANGE = re.compile(r"(?:Number|Integer value) out of range")


def decode(body: bytes, kind: type[T]) -> T:
    """`body` as `kind`; raises InvalidField that names the field, what was expected, and what was given."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.ValidationError, RecursionError):
        return decode_folded(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error) from error


def malformed(error: Exception) -> InvalidField:
    return InvalidField("body", "well-formed JSON in UTF-8", str(error)[:160], code=BODY_INVALID)


def decode_folded(body: bytes, kind: type[T]) -> T:
    """The same without the quick try: for bodies whose fields are all optional."""
    wellformed.check(body, "body", code=BODY_INVALID)
    try:
        folded = canonical(msgspec.json.decode(body), kind)
        return msgspec.json.decode(msgspec.json.encode(folded), type=kind)
    except msgspec.ValidationError as error:
        raise _named(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error


def canonical(value: Any, kind: Any) -> Any:
    """`value` with the keys of objects spelled as `kind` (a Struct, or a list or union of them) spells them."""
    if isinstance(value, list):
        return [canonical(item, _item(kind)) for item in value]
    struct = _struct(kind)
    if struct is None or not isinstance(value, dict):
        return value
    fields = _fields(struct)
    renamed: dict[str, Any] = {}
    for key, item in value.items():
        name, inner = fields.get(_fold(key), (key, None))
        if name in renamed:
            raise InvalidField(name, "each field once", "the same field in another spelling")
        renamed[name] = item if inner is None else canonical(item, inner)
    return renamed


def _fold(key: str) -> str:
    return key.replace("_", "").lower()


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    hints = typing.get_type_hints(struct)
    return {_fold(name): (name, hints[name]) for name in struct.__struct_fields__}


def _members(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    found = [m for m in _members(kind) if isinstance(m, type) and issubclass(m, msgspec.Struct)]
    return found[0] if found else None


def _item(kind: Any) -> Any:
    lists = [m for m in _members(kind) if typing.get_origin(m) is list]
    return typing.get_args(lists[0])[0] if lists else None


def _named(error: msgspec.ValidationError) -> InvalidField:
    """msgspec's sentence as field, expected and given; it never quotes values."""
    match = _MESSAGE.fullmatch(str(error))
    text, path = (match["text"], match["path"] or "$") if match else (str(error), "$")
    at = "" if "[...]" in path else path.removeprefix("$").removeprefix(".")
    if _RANGE.match(text):
        return InvalidField(at or "body", "numbers that fit into 64 bits", "a greater one")
    if found := _MISSING.match(text):
        return InvalidField(f"{at}.{found['field']}".strip("."), "a value", "nothing")
    if found := _UNKNOWN.match(text):
        return InvalidField(f"{at}.{found['field'][:60]}".strip("."), "only documented fields", "an unknown one")
    if found := _EXPECTED.match(text):
        return InvalidField(at or "body", found["expected"], found["given"])
    return InvalidField(at or "body", text, "something else")
