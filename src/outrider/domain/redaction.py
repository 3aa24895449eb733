"""The mask, and headers as they are shown. Payloads: `domain/masking.py`; answers: `domain/echo.py`."""

from __future__ import annotations

from functools import lru_cache

MASK = "**********"

# Headers and query parameters whose values are no secret, whoever sets them; `-` and `_` are the same in them.
PLAIN_NAMES = frozenset(
    """accept-language content-language x-language language lang locale x-environment environment env x-region
    region x-version version x-api-version api-version v x-source source src x-channel channel x-format format
    x-event event x-topic topic x-application-name x-team team""".split()
)

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
