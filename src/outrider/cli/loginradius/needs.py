"""What a human has to add, because the site does not show it or Outrider's own differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from outrider.app.webhooks import DISABLED_BY_HAND
from outrider.cli.loginradius.found import Found, FoundAuthentication
from outrider.cli.loginradius.pairs import differences
from outrider.domain.redaction import MASK


@dataclass(frozen=True, slots=True)
class Need:
    """`what` in a sentence, the fields an update takes for it, and whether the webhook is enabled after it."""

    what: str
    fields: dict[str, Any] = field(default_factory=dict)
    enables: bool = True


def of_new(one: Found, *, secret_here: bool, same_secret: bool) -> tuple[Need, ...]:
    """For a webhook that is not here yet; it is created disabled unless this is empty."""
    found = []
    if one.authentication is not None and not one.authentication.credential:
        found.append(_credential(one.authentication))
    found += _withheld(one)
    if one.secret_name and not secret_here:
        found.append(_secret(one.secret_name))
    elif not one.secret_name and not same_secret:
        found.append(_api_secret())
    return tuple(found)


def of_pair(one: Found, ours: dict[str, Any], *, same_secret: bool) -> tuple[Need, ...]:
    """For one that is here: enabled by its owner, it counts as complete, unless it sends less than the site's."""
    waits = not ours["Enabled"] and ours["DisabledReason"] == DISABLED_BY_HAND
    found = []
    if one.authentication is not None and (ours["Authentication"] is None or _kept_back(one, waits=waits)):
        found.append(_credential(one.authentication))
    if waits:
        found += _withheld(one)
    if one.secret_name and not ours["SecretName"]:
        found.append(_secret(one.secret_name))
    elif not one.secret_name and not ours["SecretName"] and waits and not same_secret:
        found.append(_api_secret())
    if unlike := differences(one, ours):
        found.append(Need(f"{' and '.join(unlike)} differ from LoginRadius'; decide which hold", enables=False))
    return tuple(found)


def _kept_back(one: Found, *, waits: bool) -> bool:
    return waits and one.authentication is not None and not one.authentication.credential


def _withheld(one: Found) -> list[Need]:
    """An update replaces all headers; the mask keeps those that are stored."""
    given = {"Headers": one.headers or {}, "QueryParams": one.query_params or {}}
    return [
        Need(
            f"the values of {', '.join(map(repr, names))} in {field}, which the site does not show",
            {field: {name: f"<{name}>" if name in names else MASK for name in given[field]}},
        )
        for field, names in one.withheld.items()
    ]


def _credential(found: FoundAuthentication) -> Need:
    if found.kind.lower() == "basic":
        fields = {"AuthType": "Basic", "BasicAuth": {"Username": found.username, "Password": "<password>"}}
        return Need(
            f"the password of user {found.username!r}, which LoginRadius does not show", {"Authentication": fields}
        )
    fields = {"AuthType": "Bearer", "BearerToken": {"Token": "<token>"}}
    return Need("the bearer token, which LoginRadius does not show", {"Authentication": fields})


def _secret(name: str) -> Need:
    what = f"a secret {name!r} with the value it has at LoginRadius (POST /v2/manage/secrets)"
    return Need(what, {"SecretName": name})


def _api_secret() -> Need:
    return Need(
        "its receiver verifies with LoginRadius' API secret, and Outrider's differs: give the receiver Outrider's, "
        "or make a secret with LoginRadius' value and name it as SecretName"
    )
