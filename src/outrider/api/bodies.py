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
from outrider.domain.json_numbers import number

T = TypeVar("T")
Json = bytes | memoryview | msgspec.Raw
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>\$.*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<given>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_RANGE = re.compile(r"(?:Number|Integer value) out of range")
_decode = msgspec.json.Decoder(float_hook=number).decode
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode(body: Json, kind: type[T]) -> T:
    """`body`, an object, as `kind`, whose payloads are Raw and stay the caller's bytes.

    Raises InvalidField that names the field, what was expected, and what was given.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.ValidationError, RecursionError):
        return _decode_spelled(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error) from error


def _decode_spelled(body: Json, kind: type[T]) -> T:
    """The same with keys in any spelling. Values are not looked at: they are as large as the caller likes."""
    wellformed.check(bytes(body), "body", code=BODY_INVALID)
    try:
        renamed = _renamed(_fields_of(body), kind)
        return msgspec.json.decode(msgspec.json.encode(renamed), type=kind)
    except msgspec.ValidationError as error:
        raise named(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error


def check_json(body: bytes) -> None:
    """Raises InvalidField for what is no JSON; builds nothing. What is nested too deeply is left to others."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except RecursionError:
        return
    except msgspec.DecodeError as error:
        raise malformed(error) from error


def malformed(error: Exception) -> InvalidField:
    return InvalidField("body", "well-formed JSON in UTF-8", str(error)[:160], code=BODY_INVALID)


def decode_folded(body: bytes, kind: Any) -> Any:
    """A body whose fields are all optional and none of them Raw."""
    wellformed.check(body, "body", code=BODY_INVALID)
    try:
        return msgspec.convert(canonical(_decode(body), kind), kind)
    except msgspec.ValidationError as error:
        raise named(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error


def canonical(value: Any, kind: Any) -> Any:
    """`value` with the keys of objects spelled as `kind` (a Struct, or a list or union of them) spells them."""
    if isinstance(value, list):
        item = _item(kind)
        return value if _struct(item) is None else [canonical(each, item) for each in value]
    struct = _struct(kind)
    if struct is None or not isinstance(value, dict):
        return value
    fields = _fields(struct)
    renamed = _renamed(value, struct)
    for name, item in renamed.items():
        if isinstance(item, (dict, list)) and (inner := fields.get(fold(name))) is not None:
            renamed[name] = canonical(item, inner[1])
    return renamed


def _renamed(value: dict[str, Any], struct: type) -> dict[str, Any]:
    fields = _fields(struct)
    renamed: dict[str, Any] = {}
    for key, item in value.items():
        name, _ = fields.get(fold(key), (key, None))
        if name in renamed:
            raise InvalidField(name[:60], "each field once", "the same field in another spelling")
        renamed[name] = item
    return renamed


def fold(key: str) -> str:
    return key.replace("_", "").lower()


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    hints = typing.get_type_hints(struct)
    return {fold(name): (name, hints[name]) for name in struct.__struct_fields__}


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


def named(error: msgspec.ValidationError) -> InvalidField:
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
