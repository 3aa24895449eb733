"""A webhook as a LoginRadius site lists it. Keys match in any case, as in the site's own samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_FIELDS = frozenset(
    """id name event targeturl secretname headers queryparams authentication isintegrationwebhook
    createddate lastmodifieddate""".split()
)
_MASKS = "*•"


class UnreadableError(Exception):
    """The site's object is no webhook; says which field is not as expected."""


@dataclass(frozen=True, slots=True)
class FoundAuthentication:
    """`kind` as the site spells it; `credential` is "" where the site does not show it, which is the rule."""

    kind: str
    username: str
    credential: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """`secret_name` is "" for the API secret; `unknown` names the fields LoginRadius' contract does not have."""

    id: str
    name: str
    event: str
    url: str = field(repr=False)
    secret_name: str
    headers: dict[str, str] | None = field(repr=False)
    query_params: dict[str, str] | None = field(repr=False)
    authentication: FoundAuthentication | None
    connector: bool
    unknown: tuple[str, ...]

    @property
    def withheld(self) -> dict[str, tuple[str, ...]]:
        """Names of headers and query parameters whose values the site masks, by field."""
        fields = {"Headers": self.headers, "QueryParams": self.query_params}
        masked = {
            field: tuple(n for n, value in (given or {}).items() if is_mask(value))
            for field, given in fields.items()
        }
        return {field: names for field, names in masked.items() if names}


def read(raw: object) -> Found:
    """What the object says; raises UnreadableError."""
    given = _lowered(raw, "a webhook")
    secret = _text(given, "SecretName")
    return Found(
        id=_text(given, "Id"),
        name=_text(given, "Name").strip(),
        event=_text(given, "Event").strip(),
        url=_text(given, "TargetUrl").strip(),
        secret_name="" if secret.lower() == "none" else secret,
        headers=_texts(given, "Headers"),
        query_params=_texts(given, "QueryParams"),
        authentication=_authentication(given.get("authentication")),
        connector=_flag(given, "IsIntegrationWebhook"),
        unknown=tuple(str(key) for key in raw if key.lower() not in _FIELDS) if isinstance(raw, dict) else (),
    )


def _authentication(raw: object) -> FoundAuthentication | None:
    """Null, or an AuthType that is empty or "None", is no authentication."""
    if raw is None:
        return None
    given = _lowered(raw, "Authentication")
    kind = _text(given, "AuthType")
    if kind.lower() in ("", "none"):
        return None
    basic = _lowered(given.get("basicauth") or {}, "BasicAuth")
    bearer = _lowered(given.get("bearertoken") or {}, "BearerToken")
    credential = _text(basic, "Password") if kind.lower() == "basic" else _text(bearer, "Token")
    return FoundAuthentication(kind, _text(basic, "Username"), "" if _masked(credential) else credential)


def is_mask(value: str) -> bool:
    """Whether a header's or parameter's value stands for one that is not shown."""
    return len(value) > 1 and set(value) <= set(_MASKS)


def _masked(credential: str) -> bool:
    return any(mask * 2 in credential for mask in _MASKS)


def _lowered(raw: object, name: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise UnreadableError(f"{name}: expected an object")
    return {str(key).lower(): value for key, value in raw.items()}


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name.lower())
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableError(f"{name}: expected a text")
    return value


def _texts(given: dict[str, Any], name: str) -> dict[str, str] | None:
    value = given.get(name.lower())
    if not value:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise UnreadableError(f"{name}: expected names with a text each")
    return value


def _flag(given: dict[str, Any], name: str) -> bool:
    value = given.get(name.lower())
    if value is not None and not isinstance(value, bool):
        raise UnreadableError(f"{name}: expected true or false")
    return bool(value)
