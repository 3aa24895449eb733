"""What a custom object may be: names, Uids and content, and how an update changes it. Pure.

Codes and statuses are LoginRadius' (customer identity API codes, 1035, 1064, 1200); sizes and nesting, which it
does not publish, are ours. Values stay the caller's bytes: only the top level is taken apart.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import msgspec

from outrider.domain.errors import CallerError
from outrider.domain.json_numbers import number

Fields = dict[str, msgspec.Raw]

DEEPEST = 100  # objects and arrays inside each other
_PARAMETER = "A parameter is not formatted correctly"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Fields).decode
_decode_any = msgspec.json.Decoder(float_hook=number).decode


class UpdateType(StrEnum):
    """LoginRadius' `updatetype`. What its `default` does is not published: here it keeps what is not named."""

    REPLACE = "replace"
    PARTIAL_REPLACE = "partialreplace"
    DEFAULT = "default"


def object_name(text: str | None) -> str:
    """The name in lower case; raises CallerError (908, 1064)."""
    if not text:
        raise refusal(908, 400, _PARAMETER, field="objectname", expected="a name", given="nothing")
    if not _NAME.fullmatch(text):
        expected = "1 to 64 letters, digits, or . _ -"
        raise refusal(
            1064, 403, "Custom object name is invalid", field="objectname", expected=expected, given=text[:60]
        )
    return text.lower()


def checked_uid(text: str) -> str:
    """The Uid as it is, case included; raises CallerError (1200)."""
    if not _UID.fullmatch(text):
        expected = "1 to 50 letters, digits, or _ -"
        raise refusal(1200, 403, "Uid is not valid", field="uid", expected=expected, given=text[:60])
    return text


def update_type(text: str | None) -> UpdateType:
    """Of this name in any case, `default` when absent; raises CallerError (908)."""
    try:
        return UpdateType((text or UpdateType.DEFAULT).lower())
    except ValueError:
        expected, given = "replace or partialreplace", (text or "")[:40]
        raise refusal(908, 400, _PARAMETER, field="updatetype", expected=expected, given=given) from None


def parse(body: bytes, malformed: int) -> Fields:
    """The top level of a JSON object; raises CallerError (`malformed` where it is not JSON, else 1035)."""
    try:
        value = _decode_any(body)
    except msgspec.ValidationError:
        raise _invalid("numbers a double can hold", "one out of range") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "The post body is invalid" if malformed == 965 else "Put body is invalid"
        expected, given = "well-formed JSON in UTF-8", str(error)[:160]
        raise refusal(malformed, 400, message, field="body", expected=expected, given=given) from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise _invalid("a JSON object", "an array" if isinstance(value, list) else "a scalar")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _depth(value) > DEEPEST:
        raise _too_deep()
    return _decode(body)


def written(fields: Fields) -> bytes:
    return _encode(fields)


def changed(stored: bytes, given: Fields, kind: UpdateType) -> bytes:
    """The content after an update. A partial one replaces the top-level fields it names and keeps the others."""
    return _encode(given if kind is UpdateType.REPLACE else _decode(stored) | given)


def refusal(code: int, status: int, message: str, *, field: str, expected: str, given: str) -> CallerError:
    """One of LoginRadius' errors, with the part that is to blame."""
    return CallerError(
        message,
        f"{field}: expected {expected}, given {given}",
        code=code,
        status=status,
        field=field,
        expected=expected,
        given=given,
    )


def _invalid(expected: str, given: str) -> CallerError:
    return refusal(1035, 400, "Custom object JSON is invalid", field="body", expected=expected, given=given)


def _too_deep() -> CallerError:
    return _invalid(f"at most {DEEPEST} objects and arrays inside each other", "more")


def _depth(value: Any) -> int:
    """How deep objects and arrays stand inside each other, level by level."""
    deep = 0
    level = [value]
    while level:
        deep += 1
        members = (m for one in level for m in (one.values() if isinstance(one, dict) else one))
        level = [m for m in members if isinstance(m, dict | list)]
    return deep
