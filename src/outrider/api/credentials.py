"""Reading credentials and the prevention flag from a request, without touching its body."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

import msgspec

from outrider.app.access import Credentials
from outrider.domain.errors import InvalidField

_KEY = ("apikey", "api_key")
_SECRET = ("apisecret", "api_secret")


class Carried(msgspec.Struct, frozen=True, gc=False):
    """What a request carries beside its body."""

    credentials: Credentials
    prevented: bool


def carried(query_string: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Carried:
    """Query: apikey, apisecret, prevent_webhook (names in any case). Headers win over the query."""
    key = secret = bearer = None
    prevented = False
    if query_string:
        if b"%00" in query_string:
            raise InvalidField("query", "characters other than NUL", "a NUL")
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
        query = {name.lower(): value for name, value in pairs}
        key = next((query[name] for name in _KEY if name in query), None)
        secret = next((query[name] for name in _SECRET if name in query), None)
        prevented = _flag(query.get("prevent_webhook", "false"), "prevent_webhook")
    for name, value in headers:
        match name:
            case b"x-loginradius-apikey":
                key = value.decode("latin-1")
            case b"x-loginradius-apisecret":
                secret = value.decode("latin-1")
            case b"x-preventwebhook":
                prevented = _flag(value.decode("latin-1"), "X-PreventWebhook")
            case b"authorization" if value[:7].lower() == b"bearer ":
                bearer = value[7:].decode("latin-1").strip()
    return Carried(Credentials(key, secret, bearer), prevented)


def source_of(client: tuple[str, int] | None) -> str:
    """The address a request came from, as the server knows it; "" where it knows none."""
    return client[0] if client else ""


def _flag(text: str, source: str) -> bool:
    if text.strip().lower() not in {"true", "false"}:
        raise InvalidField(source, "true or false", text[:20])
    return text.strip().lower() == "true"
