"""Secrets planted to be searched for, in every form in which one plausibly lies about."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

# What JSON, URLs, quoted text and base64 each write in a way of their own.
TAIL = '-p1A9n"t\\e/d+%&=Zq'


def secret(kind: str) -> str:
    """One of visible ASCII that no other kind's forms contain."""
    return f"{kind}{TAIL}"


def forms(text: str) -> dict[str, bytes]:
    """The forms of a secret, by name, to be looked for in bytes in lower case where case carries nothing."""
    raw = text.encode()
    found = {
        "raw": raw,
        "JSON": json.dumps(text)[1:-1].encode(),
        "JSON in JSON": json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
        "JSON with escaped slashes": json.dumps(text)[1:-1].replace("/", "\\/").encode(),
        "URL": quote(text, safe="").encode(),
        "URL path": quote(text, safe="/").encode(),
        "form": quote_plus(text).encode(),
        "URL twice": quote(quote(text, safe=""), safe="").encode(),
        "Python": repr(text)[1:-1].encode(),
        "hexadecimal": raw.hex().encode(),
        "UTF-16": text.encode("utf-16-le"),
    }
    for shift in range(3):
        for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            found[f"{name}, {shift} bytes in"] = _inner(encode(bytes(shift) + raw), shift, len(raw))
    return found


def _inner(encoded: bytes, shift: int, length: int) -> bytes:
    """The digits that depend on the secret alone, whatever surrounds it."""
    first = -(-shift * 8 // 6)
    return encoded[first : (shift + length) * 8 // 6]


def findings(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Every place that shows a secret, and in which form; texts never appear in what is returned."""
    lowered = {place: content.lower() for place, content in places.items()}
    return [
        f"{kind} as {form} in {place}"
        for kind, text in secrets.items()
        for form, sought in _distinct(forms(text))
        for place, content in lowered.items()
        if sought in content
    ]


def _distinct(by_form: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
    seen: dict[bytes, str] = {}
    for form, sought in by_form.items():
        seen.setdefault(sought.lower(), form)
    return [(form, sought) for sought, form in seen.items()]
