"""Masking of secrets in payloads, before anything is stored, and in headers, before anything is shown.

Payloads are masked in place: the bytes around a masked value stay as the producer sent them.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

MASK = "**********"

# Headers and query parameters whose values are no secret, whoever sets them; `-` and `_` are the same in them.
PLAIN_NAMES = frozenset(
    """accept-language content-language x-language language lang locale x-environment environment env x-region
    region x-version version x-api-version api-version v x-source source src x-channel channel x-format format
    x-event event x-topic topic x-application-name x-team team""".split()
)

SECRET_FIELDS = frozenset(
    """password pin accesstoken access_token refreshtoken refresh_token idtoken id_token token tokensecret
    token_secret clientsecret client_secret apisecret api_secret lastpasswordchangetoken lastpinchangetoken
    secretanswer otp privatekey private_key""".split()
)

_KEYS = "|".join(sorted(SECRET_FIELDS, key=len, reverse=True))
_ENDINGS = (b'password"', b'pin"', b'token"', b'secret"', b'answer"', b'otp"', b'key"')  # of every secret field
_PLAIN_KEY = re.compile(rb'"(?:%s)"\s*:' % _KEYS.encode(), re.IGNORECASE)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_KEPT = (b"null", b'""')
_OPENING, _CLOSING, _BEFORE_KEY, _PUNCTUATION = (b"{", b"["), (b"}", b"]"), (b"{", b","), (b":", b",")
_MASKED = b'"' + MASK.encode() + b'"'


def mask_payload(data: bytes) -> bytes:
    """`data` (valid JSON) with the value of every secret field, at any depth, replaced by ten asterisks.

    Field names match case-insensitively. Nulls and empty strings stay. `PIN` is also the name of the object
    that holds the PIN, so objects and arrays are looked into instead of replaced.
    """
    escaped = b"\\" in data and b"\\u" in data  # a name may hide behind an escape
    if not escaped and not _may_hold_secrets(data):
        return data
    out: list[bytes] = []
    copied = 0
    for start, end in _secret_values(data):
        out += (data[copied:start], _MASKED)
        copied = end
    return b"".join((*out, data[copied:])) if out else data


def _may_hold_secrets(data: bytes) -> bool:
    """Nearly every payload is told harmless by the cheap look alone."""
    lowered = data.lower()
    for ending in _ENDINGS:
        if ending in lowered:
            return _PLAIN_KEY.search(data) is not None
    return False


def _secret_values(data: bytes) -> list[tuple[int, int]]:
    """Where the scalars to mask stand: values of secret fields, and everything below such a field.

    Only the `PIN` object is looked into, because the PIN itself is a field of it.
    """
    found: list[tuple[int, int]] = []
    nesting: list[tuple[bytes, bool]] = []  # bracket, and whether everything inside is secret
    key, previous = b"", b""
    for token in _TOKEN.finditer(data):
        text = token.group()
        inside, all_secret = nesting[-1] if nesting else (b"[", False)
        if text in _OPENING:
            secret = all_secret or (_is_secret(key) and not (text == b"{" and _name(key) == "pin"))
            nesting.append((text, secret))
            key = b""
        elif text in _CLOSING:
            nesting.pop()
            key = b""
        elif inside == b"{" and previous in _BEFORE_KEY:
            key = text
        elif text not in _PUNCTUATION:
            if (all_secret or _is_secret(key)) and text not in _KEPT:
                found.append(token.span())
            key = b""
        previous = text
    return found


def _name(key: bytes) -> str:
    name: str = msgspec.json.decode(key, type=str)
    return name.lower()


def _is_secret(key: bytes) -> bool:
    return key != b"" and _name(key) in SECRET_FIELDS


_CREDENTIAL_WORDS = ("authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "x-auth")


def mask_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Request headers as we show them: credentials masked, an authorization's scheme kept."""
    return tuple((name, _shown(name, value)) for name, value in headers)


def _shown(name: str, value: str) -> str:
    if not _is_credential(name):
        return value
    if name.lower() == "authorization" and " " in value:
        return f"{value.split(' ', 1)[0]} {MASK}"
    return MASK


@lru_cache(4096)
def _is_credential(header: str) -> bool:
    lowered = header.lower()
    return any(word in lowered for word in _CREDENTIAL_WORDS)
