"""What a webhook adds to requests, as a change leaves it: headers, query parameters, and which may be shown.

Secret values are shown as ten asterisks. Sent back so, they stay as they are, so that a webhook as it was read can
be sent back; but they do not go to another host, and are not shown from then on: whoever may change a webhook would
learn them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from outrider.domain.errors import InvalidField
from outrider.domain.exposure import secret_headers, secret_params
from outrider.domain.model import AuthType, Webhook
from outrider.domain.redaction import MASK
from outrider.domain.target import (
    MOST_HEADERS,
    MOST_PARAMS,
    check_header_name,
    check_headers,
    check_param_name,
    check_query_params,
    same_host,
)

Values = dict[str, str]
ANOTHER_HOST = "the value again, because TargetUrl names another host"
TO_BE_SHOWN = "the value again, because it is to be shown from now on"
KEPT = "the stored one"


class Kept(msgspec.Struct, frozen=True):
    """Stored names whose values a change keeps."""

    headers: frozenset[str]
    params: frozenset[str]


def merged(
    before: Webhook, headers: Values | UnsetType | None, params: Values | UnsetType | None
) -> tuple[dict[str, Any], Kept]:
    """The changes of `headers` and `query_params` that are given, and what is kept."""
    changes: dict[str, Any] = {}
    kept_headers, kept_params = frozenset(before.headers or ()), frozenset(before.query_params or ())
    if headers is not UNSET:
        given, kept_headers = _restored("Headers", headers or {}, before.headers or {}, str.lower)
        changes["headers"] = check_headers(given) or None
    if params is not UNSET:
        given, kept_params = _restored("QueryParams", params or {}, before.query_params or {}, str)
        changes["query_params"] = check_query_params(given) or None
    return changes, Kept(kept_headers, kept_params)


def plain_headers(given: list[str] | None) -> tuple[str, ...]:
    """Names that may be shown, each once in any case."""
    return _plain(given, "PlainHeaders", MOST_HEADERS, check_header_name)


def plain_params(given: list[str] | None) -> tuple[str, ...]:
    return _plain(given, "PlainQueryParams", MOST_PARAMS, check_param_name)


def check_kept(before: Webhook, after: Webhook, kept: Kept) -> None:
    """Refuses to send a stored secret to another host than it was given for, and to show it."""
    _check_named("Headers", before, after, kept.headers, secret_headers)
    _check_named("QueryParams", before, after, kept.params, secret_params)
    credential = before.authentication
    if credential is not None and after.authentication is credential and _moves(before, after):
        field = "BasicAuth.Password" if credential.kind is AuthType.BASIC else "BearerToken.Token"
        raise InvalidField(f"Authentication.{field}", ANOTHER_HOST, KEPT)


def _check_named(
    field: str, before: Webhook, after: Webhook, kept: frozenset[str], secret: Callable[[Webhook], Values]
) -> None:
    hidden = {name.lower() for name in secret(after)}
    for name in secret(before):
        if name in kept and _moves(before, after):
            raise InvalidField(_place(field, name), ANOTHER_HOST, KEPT)
        if name in kept and name.lower() not in hidden:
            raise InvalidField(_place(field, name), TO_BE_SHOWN, KEPT)


def _moves(before: Webhook, after: Webhook) -> bool:
    return bool(before.target_url) and not same_host(before.target_url, after.target_url)


def _restored(
    field: str, given: Mapping[str, str], stored: Mapping[str, str], fold: Callable[[str], str]
) -> tuple[Values, frozenset[str]]:
    """`given` with stored values in the place of masks, and the stored names whose values these are."""
    names = {fold(name): name for name in stored}
    found: Values = {}
    kept: set[str] = set()
    for name, value in given.items():
        stored_name = names.get(fold(name))
        if value != MASK:
            found[name] = value
        elif stored_name is None:
            raise InvalidField(_place(field, name), "a value; ten asterisks keep a stored one", "ten asterisks")
        else:
            found[name] = stored[stored_name]
            kept.add(stored_name)
    return found, frozenset(kept)


def _plain(given: list[str] | None, field: str, most: int, check: Callable[[str, str], str]) -> tuple[str, ...]:
    if given is None:
        return ()
    if len(given) > most:
        raise InvalidField(field, f"at most {most} names", f"{len(given)}")
    names = {check(name, f"{field}[{index}]").lower(): name for index, name in enumerate(given)}
    return tuple(names.values())


def _place(field: str, name: str) -> str:
    return f"{field}.{name[:60]}"
