"""What moving a LoginRadius site's webhooks in comes to: a pure function of what is there and what is here.

An event type and a target URL say which webhook is which: neither the site's ids nor its names need survive a
move. A webhook whose requests the receiver would refuse, for want of a credential or a secret that the site does
not show, is created disabled, so that it keeps what it is owed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from outrider import catalog
from outrider.cli.loginradius import needs as lacking
from outrider.cli.loginradius.found import Found, UnreadableError, is_mask, read
from outrider.cli.loginradius.names import Names
from outrider.cli.loginradius.needs import Need
from outrider.cli.loginradius.pairs import pair
from outrider.domain.errors import InvalidField
from outrider.domain.target import check_headers, check_query_params, check_target_url, same_target


class Action(StrEnum):
    """What becomes of a webhook of the site."""

    CREATE = "create"
    DISABLED = "create disabled"
    THERE = "already here"
    SKIP = "skip"
    REFUSE = "not possible"


@dataclass(frozen=True, slots=True)
class Here:
    """The Outrider that is moved into: `webhooks` as it lists them, and whether its API secret is the site's."""

    webhooks: Sequence[dict[str, Any]]
    secrets: Sequence[str]
    per_event: int
    unique_url: bool
    loginradius_names: bool
    same_secret: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One webhook of the site, under its name here; `body` creates it, `webhook` is its id here."""

    action: Action
    site_id: str
    name: str
    event: str
    url: str = field(repr=False)
    reason: str = ""
    notes: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    body: dict[str, Any] | None = field(default=None, repr=False)
    webhook: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def for_human(self) -> bool:
        """Whether somebody has to do something about it."""
        return bool(self.needs) or self.action is Action.REFUSE

    @property
    def update(self) -> dict[str, Any]:
        """What `PUT /v2/manage/webhooks/{Id}` takes once the needs are at hand; empty when it takes nothing."""
        named = {name: value for need in self.needs for name, value in need.fields.items()}
        return named | {"Enabled": True} if any(need.enables for need in self.needs) else named


def plan(
    site: Sequence[object], here: Here, *, with_connectors: bool, placeholder: Callable[[], str]
) -> list[Step]:
    """A step for each of the site's webhooks, in its order; `placeholder` makes a credential nobody knows."""
    read_ones = [_read(raw) for raw in site]
    usable = {index: one for index, one in enumerate(read_ones) if isinstance(one, Found) and not _fault(one)}
    planner = _Planner(here, [one.name for one in usable.values()], placeholder)
    pairs = pair(usable, here.webhooks)
    steps = []
    for index, one in enumerate(read_ones):
        if isinstance(one, Step):
            steps.append(one)
        elif one.connector and not with_connectors:
            steps.append(_step(one, Action.SKIP, "a connector of LoginRadius; --with-connectors takes it along"))
        elif index in pairs:
            steps.append(_there(one, pairs[index], here))
        elif fault := _fault(one):
            steps.append(_step(one, Action.REFUSE, fault))
        else:
            steps.append(planner.new(one))
    return steps


def _read(raw: object) -> Found | Step:
    try:
        return read(raw)
    except UnreadableError as error:
        known = {str(key).lower(): str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}
        site_id, name, event, url = (known.get(key, "") for key in ("id", "name", "event", "targeturl"))
        reason = f"the site lists it in a form that cannot be read: {error}"
        return Step(Action.REFUSE, site_id, name, event, url, reason)


def _step(one: Found, action: Action, reason: str = "", **more: Any) -> Step:
    return Step(action, one.id, one.name, one.event, one.url, reason, unknown=one.unknown, **more)


def _fault(one: Found) -> str:
    """Why Outrider does not take it, whatever else it has; "" when it does."""
    if catalog.find(one.event) is None:
        return f"Outrider has no event type {one.event[:60]!r}; outrider events lists them"
    try:
        check_target_url(one.url)
    except InvalidField as error:
        return f"{error.field}: expected {error.expected}"
    return ""


def _there(one: Found, ours: dict[str, Any], here: Here) -> Step:
    left = lacking.of_pair(one, ours, same_secret=here.same_secret)
    quiet = not ours["Enabled"] and not left
    notes = (f"it sends nothing: {ours['DisabledReason']}",) if quiet else ()
    step = _step(one, Action.THERE, f"webhook {ours['Id']}", notes=notes, needs=left, webhook=ours["Id"])
    return replace(step, name=ours["Name"])


class _Planner:
    """Webhooks to create, each beside those that are here and those planned before it."""

    def __init__(self, here: Here, wanted: Sequence[str], placeholder: Callable[[], str]) -> None:
        self._here = here
        self._placeholder = placeholder
        self._names = Names((w["Name"] for w in here.webhooks), wanted, short=here.loginradius_names)
        self._targets = [(event, w["TargetUrl"]) for w in here.webhooks for event in w["Events"]]
        self._counts = Counter(event for event, _ in self._targets)
        self._secrets = {name.lower(): name for name in here.secrets}

    def new(self, one: Found) -> Step:
        kind = catalog.find(one.event)
        event = kind.name if kind else one.event
        if fault := _content_fault(one) or self._limit(event, one.url):
            return _step(one, Action.REFUSE, fault)
        secret = self._secrets.get(one.secret_name.lower(), "")
        left = lacking.of_new(one, secret_here=bool(secret), same_secret=self._here.same_secret)
        name, renamed = self._names.take(one.name, event, one.url)
        notes = [renamed] if renamed else []
        if secret:
            notes.append(f"Outrider's secret {secret!r} signs; its value has to be the one it has at LoginRadius")
        self._counts[event] += 1
        self._targets.append((event, one.url))
        body = {
            "Name": name,
            "Event": event,
            "TargetUrl": one.url,
            "SecretName": secret,
            "Headers": self._values(one.headers),
            "QueryParams": self._values(one.query_params),
            "Authentication": self._authentication(one),
            "Enabled": not left,
        }
        action = Action.DISABLED if left else Action.CREATE
        return Step(
            action, one.id, name, event, one.url,
            notes=tuple(notes), needs=left, body=body, unknown=one.unknown,
        )  # fmt: skip

    def _limit(self, event: str, url: str) -> str:
        if self._counts[event] >= self._here.per_event:
            return f"WebhooksPerEvent of outrider settings allows {self._here.per_event} webhooks of {event}"
        taken = any(event == other and same_target(url, target) for other, target in self._targets)
        if self._here.unique_url and taken:
            return f"UniqueTargetUrl of outrider settings allows this URL once for {event}"
        return ""

    def _values(self, given: dict[str, str] | None) -> dict[str, str] | None:
        return given and {name: self._placeholder() if is_mask(value) else value for name, value in given.items()}

    def _authentication(self, one: Found) -> dict[str, Any] | None:
        found = one.authentication
        if found is None:
            return None
        credential = found.credential or self._placeholder()
        if found.kind.lower() == "basic":
            return {"AuthType": "Basic", "BasicAuth": {"Username": found.username, "Password": credential}}
        return {"AuthType": "Bearer", "BearerToken": {"Token": credential}}


def _content_fault(one: Found) -> str:
    """Why Outrider does not take what the webhook adds to requests; "" when it does."""
    found = one.authentication
    if found and found.kind.lower() not in ("basic", "bearer"):
        return f"Authentication.AuthType: expected Basic or Bearer, given {found.kind[:40]}"
    if found and found.kind.lower() == "basic" and not found.username:
        return "Authentication.BasicAuth.Username: expected a name, given nothing"
    try:
        check_headers({name: "" if is_mask(value) else value for name, value in (one.headers or {}).items()})
        check_query_params(one.query_params or {})
    except InvalidField as error:
        return error.description
    return ""
