"""Bodies with many events: an array of them, or an operation.

A small body is decoded at once. A large one, and one with a fault or keys in other spellings, is taken apart first
(`api/splitting.py`), so that its events are counted before anything is built, and a fault is looked for in one
event.
"""

from __future__ import annotations

import re

import msgspec

from outrider.api import splitting
from outrider.api.bodies import check_json, decode, fold, malformed
from outrider.api.codes import BODY_INVALID
from outrider.app import wellformed
from outrider.app.reading import (
    MOST_EVENTS,
    TOO_MANY_EVENTS,
    EventInput,
    OperationInput,
    placed,
    too_large,
)
from outrider.domain.errors import InvalidField

LARGE = 64 * 1024  # bytes; a larger body is not decoded on the event loop
_BESIDE_PAYLOADS = 16 * 1024  # bytes of an event that are not Data or Previous
_MEMBER = re.compile(rb'[ \t\r\n]*+("(?:[^"\\]|\\.)*+")[ \t\r\n]*+:', re.DOTALL)
_ARRAY, _OBJECT = re.compile(rb"[ \t\r\n]*+\["), re.compile(rb"[ \t\r\n]*+\{")
_COMMA, _OBJECT_END = b",}"
_EVENTS, _FIELD = "events", "Events"


def longest(event_bytes: int) -> int:
    """Bytes of an event whose payloads have at most `event_bytes`."""
    return 2 * event_bytes + _BESIDE_PAYLOADS


def is_array(json: bytes | memoryview) -> bool:
    return _ARRAY.match(json) is not None


def events(body: bytes, event_bytes: int) -> list[EventInput]:
    """An array of events. Raises InvalidField. `event_bytes` bounds a payload."""
    if len(body) <= LARGE:
        try:
            return msgspec.json.decode(body, type=list[EventInput])
        except (msgspec.ValidationError, RecursionError):
            check_json(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise malformed(error) from error
    view = memoryview(body)
    found, end = _each(view, splitting.space(view, 0), event_bytes, "")
    if splitting.space(view, end) != len(view):
        raise _unreadable()
    return found


def operation(body: bytes, event_bytes: int) -> OperationInput:
    """An operation. Raises InvalidField."""
    if len(body) <= LARGE:
        try:
            return msgspec.json.decode(body, type=OperationInput)
        except (msgspec.ValidationError, RecursionError):
            check_json(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise malformed(error) from error
    if _OBJECT.match(body) is None:
        wellformed.check(body, "body", code=BODY_INVALID)
        raise InvalidField("body", "object", "something else")
    return _taken_apart(body, event_bytes)


def _taken_apart(body: bytes, event_bytes: int) -> OperationInput:
    """Member by member: that of the events is taken apart, the others are small."""
    view = memoryview(body)
    found: list[EventInput] | None = None
    rest: list[bytes] = [b'"Events":[]']
    at, sign = splitting.space(view, 0), _COMMA
    while sign == _COMMA:
        key = _MEMBER.match(view, at + 1, at + _BESIDE_PAYLOADS)
        if key is None:
            raise _unreadable() if rest[1:] or found is not None else _missing()
        name, value = _name(key[1]), splitting.space(view, key.end())
        if name != _EVENTS or not is_array(view[value:]):
            end = _end(view, value, name)
            rest.append(bytes(view[at + 1 : end]))
        elif found is not None:
            raise InvalidField(_FIELD, "each field once", "the same field in another spelling")
        else:
            found, end = _each(view, value, event_bytes, _FIELD)
            end = splitting.space(view, end)
        if end == len(view):
            raise _unreadable()
        at, sign = end, view[end]
    if sign != _OBJECT_END or splitting.space(view, at + 1) != len(view):
        raise _unreadable()
    beside = decode(b"{" + b",".join(rest) + b"}", OperationInput)
    if found is None:
        raise _missing()
    return OperationInput(found, beside.Bulk)


def _end(view: memoryview, at: int, name: str) -> int:
    """Where a member's value ends that is not the events."""
    try:
        return splitting.end_of_value(view, at, _BESIDE_PAYLOADS)
    except splitting.TooLong:
        raise InvalidField(name[:60], f"at most {_BESIDE_PAYLOADS} bytes", "more") from None
    except splitting.TooDeep:
        raise _nested() from None
    except splitting.NotClosed:
        raise _unreadable() from None


def _each(view: memoryview, at: int, event_bytes: int, field: str) -> tuple[list[EventInput], int]:
    """The events of the array that begins at `at`, and where it ends."""
    elements, end = _split(view, at, longest(event_bytes), field)
    return [_event(element, f"{field}[{index}]") for index, element in enumerate(elements)], end


def _event(element: memoryview, place: str) -> EventInput:
    try:
        return decode(element, EventInput)
    except InvalidField as error:
        if error.code == BODY_INVALID:
            raise
        if error.field == "body":
            raise InvalidField(place, error.expected or "", error.given or "") from error
        raise placed(error, f"{place}.") from error


def _split(view: memoryview, at: int, long: int, field: str) -> tuple[list[memoryview], int]:
    try:
        return splitting.split(view, at, MOST_EVENTS, long)
    except splitting.NotClosed:
        raise _unreadable() from None
    except splitting.TooDeep:
        raise _nested() from None
    except splitting.TooMany:
        expected = f"1 to {MOST_EVENTS} events"
        raise InvalidField(field or "body", expected, "more", code=TOO_MANY_EVENTS) from None
    except splitting.TooLong as error:
        raise too_large(f"{field}[{error.args[0]}]", long, "more") from None


def _unreadable() -> InvalidField:
    given = "brackets, quotes or commas that do not match"
    return InvalidField("body", "well-formed JSON in UTF-8", given, code=BODY_INVALID)


def _nested() -> InvalidField:
    expected = f"JSON nested at most {wellformed.DEEPEST} levels deep"
    return InvalidField("body", expected, "deeper", code=BODY_INVALID)


def _missing() -> InvalidField:
    return InvalidField(_FIELD, "a value", "nothing")


def _name(key: bytes | memoryview) -> str:
    try:
        return fold(msgspec.json.decode(key, type=str))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error) from error
