"""JSON that everybody after us can read: in UTF-8, and nested no deeper than any reader's stack allows."""

from __future__ import annotations

import re
from itertools import accumulate

from outrider.domain.errors import InvalidField

DEEPEST = 100
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = b"{[}]"
_NO_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_STEPS = [1 if byte in b"{[" else -1 for byte in range(256)]


def check(json: bytes, field: str, *, code: int = 7900) -> None:
    """Raises InvalidField naming `field`. Whether it is JSON at all is not looked at."""
    try:
        str(json, "utf-8")
    except UnicodeDecodeError:
        raise InvalidField(field, "well-formed JSON in UTF-8", "other bytes", code=code) from None
    # Counting brackets is cheap and nearly always enough; strings may hold some, so more are looked at closely.
    if len(json) > 2 * DEEPEST and json.count(b"[") + json.count(b"{") > DEEPEST and _too_deep(json):
        raise InvalidField(field, f"JSON nested at most {DEEPEST} levels deep", "deeper", code=code)


def _too_deep(json: bytes) -> bool:
    """False also for brackets that do not match: a decoder says that better."""
    brackets = _STRING.sub(b"", json).translate(None, _NO_BRACKETS)
    if 2 * (brackets.count(b"[") + brackets.count(b"{")) != len(brackets):
        return False
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEEPEST
