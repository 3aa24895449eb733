"""Which webhook of the site is already here.

Event type and target URL decide, each webhook here standing for one of the site's. Where several share both,
headers and query parameters as far as they are shown, then names, say which is which; what still differs is told.
Nothing is created twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from outrider import catalog
from outrider.cli.loginradius.found import Found, is_mask
from outrider.domain.errors import InvalidField
from outrider.domain.target import check_headers, same_target

Ours = dict[str, Any]


def pair(site: Mapping[int, Found], ours: Sequence[Ours]) -> dict[int, Ours]:
    """The one here for each of the site's that has one, by its index. Connectors take what others leave."""
    found: dict[int, Ours] = {}
    used: set[tuple[str, str]] = set()
    for connectors in (False, True):
        for alike in _CLOSEST_FIRST:
            for index, one in site.items():
                if index in found or one.connector is not connectors:
                    continue
                event = _event(one)
                for webhook in ours:
                    if (event, webhook["Id"]) not in used and _same(one, event, webhook) and alike(one, webhook):
                        used.add((event, webhook["Id"]))
                        found[index] = webhook
                        break
    return found


def differences(one: Found, ours: Ours) -> list[str]:
    """Names of what is added to requests and differs. Headers that Outrider never takes do not count."""
    pairs = (
        ("Headers", _takeable(one.headers), ours["Headers"]),
        ("QueryParams", one.query_params, ours["QueryParams"]),
    )
    return [name for name, theirs, here in pairs if not _alike(theirs or {}, here or {})]


def _alike(theirs: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Whether nothing that can be seen differs: a value that either side masks cannot be compared."""
    return theirs.keys() == here.keys() and all(
        value == here[name] or is_mask(value) or is_mask(here[name]) for name, value in theirs.items()
    )


def _event(one: Found) -> str:
    kind = catalog.find(one.event)
    return kind.name if kind else one.event


def _same(one: Found, event: str, ours: Ours) -> bool:
    return event in ours["Events"] and same_target(one.url, ours["TargetUrl"])


def _named_alike(one: Found, ours: Ours) -> bool:
    return bool(one.name.lower() == ours["Name"].lower())


def _equal(one: Found, ours: Ours) -> bool:
    return not differences(one, ours)


def _takeable(headers: dict[str, str] | None) -> dict[str, str]:
    taken: dict[str, str] = {}
    for name, value in (headers or {}).items():
        try:
            check_headers({name: "" if is_mask(value) else value})
        except InvalidField:
            continue
        taken[name] = value
    return taken


_CLOSEST_FIRST: tuple[Callable[[Found, Ours], bool], ...] = (
    lambda one, ours: _equal(one, ours) and _named_alike(one, ours),
    _equal,
    _named_alike,
    lambda _one, _ours: True,
)
