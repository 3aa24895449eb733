"""A tenant's limits: the rules beside other webhooks, the pace of calls, documents from before there were any."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest

from outrider.app.pace import Pace
from outrider.domain import limits
from outrider.domain.errors import CallerError, TooManyCalls
from outrider.domain.model import Tenant, TenantBook, TenantSettings, Webhook
from outrider.domain.target import same_target


def webhook(identity: str, *events: str, url: str = "https://a.example/", name: str = "") -> Webhook:
    return Webhook(
        id=identity, tenant="t", name=name or identity, events=events or ("Login",), target_url=url, secret="",
        authentication=None, headers=None, query_params=None, created=0, modified=0,
    )  # fmt: skip


def book(*webhooks: Webhook, **settings: Any) -> TenantBook:
    tenant = Tenant("t", "t", "key", "sealed", 0, TenantSettings(**settings))
    return TenantBook(tenant=tenant, version=1, webhooks={w.id: w for w in webhooks}, secrets={}, keys={})


def refusal(new: Webhook, before: Webhook | None, beside: TenantBook) -> int | None:
    """The code, None when it may be saved."""
    try:
        limits.check(new, before, beside, beside.tenant.settings)
    except CallerError as error:
        return error.code
    return None


def test_an_event_has_so_many_webhooks_and_others_count_for_themselves() -> None:
    beside = book(webhook("a", "Login", "Register"), webhook("b", "Login"), webhooks_per_event=2)
    assert refusal(webhook("c", "Login"), None, beside) == 1085
    assert refusal(webhook("c", "Register", "Login"), None, beside) == 1085
    assert refusal(webhook("c", "Register"), None, beside) is None


def test_what_was_there_before_a_limit_may_stay_and_change_otherwise() -> None:
    kept = [
        webhook("a", "Login"),
        webhook("b", "Login"),
        webhook("c", "Register", name="a name of more than 24 ch."),
    ]
    beside = book(*kept, webhooks_per_event=1, unique_target_url=True, loginradius_names=True)
    assert refusal(webhook("a", "Login"), kept[0], beside) is None
    assert refusal(webhook("a", "Login", url="https://a.example:443"), kept[0], beside) is None
    assert refusal(webhook("a", "Login", "Register"), kept[0], beside) == 1085
    assert refusal(kept[2], kept[2], beside) is None
    assert refusal(webhook("c", "Register", name="another name of more than"), kept[2], beside) == 7900


def test_an_event_goes_to_a_url_once() -> None:
    there = webhook("a", "Login", url="https://a.example/x?y")
    beside = book(there, webhook("b", "Register", url="https://b.example"), unique_target_url=True)
    assert refusal(webhook("c", "Login", url="https://A.EXAMPLE:443/x?y"), None, beside) == 7989
    assert refusal(webhook("c", "Register", url="https://a.example/x?y"), None, beside) is None
    assert refusal(webhook("b", "Register", url="https://a.example/x?y"), beside.webhooks["b"], beside) is None
    moved = webhook("b", "Register", "Login", url="https://a.example/x?y")
    assert refusal(moved, webhook("b", "Register", url="https://a.example/x?y"), beside) == 7989
    assert refusal(moved, webhook("b", "Register", "Login", url="https://b.example"), beside) == 7989
    assert refusal(webhook("c", "Login", url="https://a.example/x?y"), None, book(there)) is None


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a", True),
        ("A b_c-9", True),
        ("x" * 24, True),
        ("x" * 25, False),
        ("", False),
        ("a.b", False),
        ("é", False),
    ],
)
def test_loginradius_names(name: str, fits: bool) -> None:
    new = msgspec.structs.replace(webhook("c"), name=name)
    assert refusal(new, None, book(loginradius_names=True)) == (None if fits else 7900)
    assert refusal(new, None, book()) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://A.example:443/", True),
        ("https://a.example/p", "https://a.example/P", False),
        ("https://a.example/p", "https://a.example/p/", False),
        ("https://a.example/p?a", "https://a.example/p?b", False),
        ("https://a.example:444", "https://a.example", False),
    ],
)
def test_which_urls_are_one_target(one: str, other: str, same: bool) -> None:
    assert same_target(one, other) is same
    assert same_target(other, one) is same


def test_a_document_from_before_the_settings_decodes_with_the_defaults() -> None:
    old = {"id": "t", "name": "t", "api_key": "k", "api_secret": "s", "created": 1}
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=Tenant)
    assert decoded == Tenant("t", "t", "k", "s", 1, TenantSettings(1_000, False, False, None))
    changed = msgspec.structs.replace(decoded, settings=TenantSettings(5, True, True, 50))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(changed), type=Tenant) == changed


class Tenants:
    """The settings of the moment, and a clock that is set."""

    def __init__(self) -> None:
        self.now = 100.0
        self.rates: dict[str, float | None] = {}

    def of(self, tenant: str) -> TenantBook:
        return book(calls_per_second=self.rates.get(tenant))


def taken(pace: Pace, tenant: str, calls: int) -> int:
    """How many of `calls` were allowed."""
    allowed = 0
    for _ in range(calls):
        with suppress(TooManyCalls):
            pace.take(tenant)
            allowed += 1
    return allowed


def test_calls_are_paced_by_tenant_and_as_the_settings_say_now() -> None:
    tenants = Tenants()
    pace = Pace(tenants, lambda: tenants.now)
    assert taken(pace, "a", 1_000) == 1_000
    tenants.rates = {"a": 5.0, "b": 0.5}
    assert (taken(pace, "a", 20), taken(pace, "b", 20)) == (5, 1)
    with pytest.raises(TooManyCalls) as refused:
        pace.take("b")
    assert (refused.value.retry_after, refused.value.status) == (2, 429)
    tenants.now += 1
    assert (taken(pace, "a", 20), taken(pace, "b", 20)) == (5, 0)
    tenants.rates = {"a": 2.0}
    assert (taken(pace, "a", 20), taken(pace, "b", 20)) == (2, 20)
