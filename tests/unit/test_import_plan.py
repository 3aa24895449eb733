"""What moving a site's webhooks in comes to, as a pure function."""

from __future__ import annotations

from typing import Any

import pytest

from outrider.app.webhooks import DISABLED_BY_HAND
from outrider.cli.loginradius.plan import Action, Here, Step, plan

URL = "https://crm.example.com/hooks"
BASIC = {"AuthType": "Basic", "BasicAuth": {"Username": "crm", "Password": ""}, "BearerToken": None}
BEARER = {"AuthType": "Bearer", "BasicAuth": None, "BearerToken": {"Token": ""}}


def theirs(**fields: Any) -> dict[str, Any]:
    """A webhook as LoginRadius' samples show it."""
    return {
        "Id": "62218e79349528401107cdf4", "TargetUrl": URL, "Event": "login", "Name": "crm", "SecretName": "",
        "CreatedDate": "2025-01-01T00:00:00.000Z", "LastModifiedDate": "2025-01-01T00:00:00.000Z",
        "IsIntegrationWebhook": False, "Headers": None, "QueryParams": None, "Authentication": None,
    } | fields  # fmt: skip


def ours(identity: str = "a" * 24, **fields: Any) -> dict[str, Any]:
    """A webhook as Outrider lists it, as far as a plan looks."""
    enabled = fields.get("Enabled", True)
    return {
        "Id": identity, "TargetUrl": URL, "Events": ["Login"], "Name": "crm", "SecretName": "", "Headers": None,
        "QueryParams": None, "Authentication": None, "Enabled": True,
        "DisabledReason": None if enabled else DISABLED_BY_HAND,
    } | fields  # fmt: skip


def planned(*site: Any, here: tuple[dict[str, Any], ...] = (), connectors: bool = False, **more: Any) -> list[Step]:
    outrider = {
        "webhooks": here, "secrets": (), "per_event": 1000, "unique_url": False, "loginradius_names": False,
        "same_secret": True,
    } | more  # fmt: skip
    return plan(site, Here(**outrider), with_connectors=connectors, placeholder=lambda: "random")


def test_a_plain_webhook_moves_whole_with_its_event_in_our_spelling() -> None:
    given = theirs(Event="updatecustomobject", Headers={"X-Team": "a"}, QueryParams={"q": "1"})
    (step,) = planned(given)
    assert (step.action, step.for_human, step.needs, step.notes) == (Action.CREATE, False, (), ())
    assert step.body == {
        "Name": "crm", "Event": "UpdateCustomObject", "TargetUrl": URL, "SecretName": "",
        "Headers": {"X-Team": "a"}, "QueryParams": {"q": "1"}, "Authentication": None, "Enabled": True,
    }  # fmt: skip


def test_keys_match_in_any_case_and_absent_ones_are_unset() -> None:
    (step,) = planned({"event": "Login", "targeturl": URL, "name": "crm"})
    assert (step.action, step.body["TargetUrl"], step.body["Headers"]) == (Action.CREATE, URL, None)


@pytest.mark.parametrize(
    "given", [None, {"AuthType": ""}, {"AuthType": "None"}, {"AuthType": None, "BasicAuth": None}]
)
def test_no_authentication_in_every_spelling(given: Any) -> None:
    (step,) = planned(theirs(Authentication=given))
    assert (step.action, step.body["Authentication"]) == (Action.CREATE, None)


def test_a_password_that_is_not_shown_leaves_the_webhook_disabled_with_a_random_one() -> None:
    (step,) = planned(theirs(Authentication=BASIC))
    assert (step.action, step.for_human, step.body["Enabled"]) == (Action.DISABLED, True, False)
    assert step.body["Authentication"] == {
        "AuthType": "Basic", "BasicAuth": {"Username": "crm", "Password": "random"},
    }  # fmt: skip
    assert "password of user 'crm'" in step.needs[0].what
    assert step.update == {
        "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "crm", "Password": "<password>"}},
        "Enabled": True,
    }


@pytest.mark.parametrize("token", ["", "**********", "ab****yz", None])
def test_a_token_that_is_not_shown_or_masked(token: str | None) -> None:
    (step,) = planned(theirs(Authentication=BEARER | {"BearerToken": {"Token": token}}))
    assert (step.action, step.body["Authentication"]["BearerToken"]) == (Action.DISABLED, {"Token": "random"})


def test_a_credential_that_is_shown_is_taken_and_appears_in_no_repr() -> None:
    (step,) = planned(theirs(Authentication=BEARER | {"BearerToken": {"Token": "shown-by-the-site"}}))
    assert (step.action, step.body["Authentication"]["BearerToken"]["Token"]) == (
        Action.CREATE,
        "shown-by-the-site",
    )
    assert "shown-by-the-site" not in repr(step)


def test_a_secret_name_needs_a_secret_of_that_name() -> None:
    without, primary = planned(theirs(SecretName="Partners"), theirs(SecretName="None", Event="register"))
    assert (without.action, without.body["SecretName"]) == (Action.DISABLED, "")
    assert without.update == {"SecretName": "Partners", "Enabled": True}
    assert (primary.action, primary.body["SecretName"]) == (Action.CREATE, "")
    (step,) = planned(theirs(SecretName="Partners"), secrets=["partners"])
    assert (step.action, step.body["SecretName"], step.for_human) == (Action.CREATE, "partners", False)
    assert "value has to be" in step.notes[0]


def test_another_api_secret_would_sign_otherwise() -> None:
    primary, named = planned(theirs(), theirs(SecretName="p", Event="register"), secrets=["p"], same_secret=False)
    assert (primary.action, primary.update) == (Action.DISABLED, {"Enabled": True})
    assert "API secret" in primary.needs[0].what
    assert named.action is Action.CREATE


def test_names_that_are_empty_or_taken_are_made_and_said() -> None:
    steps = planned(
        theirs(Name=""), theirs(Name="CRM", Event="register"), theirs(Name="crm-2", Event="setpin"),
        theirs(Name="  ", Event="changepin"), here=(ours(TargetUrl="https://other.example/"),),
    )  # fmt: skip
    assert [step.name for step in steps] == ["Login-crm-example-com", "CRM-3", "crm-2", "ChangePIN-crm-example-com"]
    assert "no name" in steps[0].notes[0]
    assert "taken" in steps[1].notes[0]
    assert steps[2].notes == ()


def test_made_names_follow_loginradius_rules_where_the_settings_ask() -> None:
    steps = planned(theirs(Name=""), theirs(Name="", Event="login"), theirs(Name="a.b"), loginradius_names=True)
    assert [step.name for step in steps] == ["Login-crm-example-com", "Login-crm-example-com-2", "a-b"]
    steps = planned(*[theirs(Name="x" * 30)] * 2, loginradius_names=True)
    assert [step.name for step in steps] == ["x" * 24, "x" * 22 + "-2"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"TargetUrl": "http://crm.example.com/"}, "an https URL"),
        ({"TargetUrl": "https://user:hidden@crm.example.com/"}, "without user info"),
        ({"TargetUrl": "https://[crm/?key=hidden"}, "a valid https URL"),
        ({"TargetUrl": None}, "TargetUrl"),
        ({"Event": "Logout"}, "no event type 'Logout'"),
        ({"Event": None}, "no event type ''"),
        ({"Headers": {"Signature": "hidden"}}, "Headers.Signature"),
        ({"Headers": {"X-A": "ä hidden"}}, "Headers.X-A"),
        ({"QueryParams": {"": "hidden"}}, "QueryParams"),
        ({"Headers": ["hidden"]}, "Headers: expected names"),
        ({"Headers": {"X-A": 5}}, "Headers: expected names"),
        ({"Authentication": {"AuthType": "OAuth2"}}, "given OAuth2"),
        ({"Authentication": "hidden"}, "Authentication: expected an object"),
        ({"Authentication": {"AuthType": "Basic", "BasicAuth": None}}, "Username"),
        ({"IsIntegrationWebhook": "yes"}, "IsIntegrationWebhook"),
        ({"Name": 7}, "Name: expected a text"),
    ],
)
def test_what_outrider_does_not_take_is_told_and_not_created(fields: dict[str, Any], said: str) -> None:
    step, good = planned(theirs(**fields), theirs(Name="good", Event="register"))
    assert (step.action, step.body, step.for_human) == (Action.REFUSE, None, True)
    assert said in step.reason
    assert "hidden" not in repr(step)
    assert good.action is Action.CREATE


@pytest.mark.parametrize("raw", [None, "text", [], 5])
def test_what_is_no_webhook_is_told(raw: object) -> None:
    (step,) = planned(raw)
    assert (step.action, "expected an object" in step.reason) == (Action.REFUSE, True)


def test_connectors_come_along_when_asked_for() -> None:
    connector = theirs(IsIntegrationWebhook=True)
    (left,) = planned(connector)
    assert (left.action, left.for_human, "--with-connectors" in left.reason) == (Action.SKIP, False, True)
    (taken,) = planned(connector, connectors=True)
    assert taken.action is Action.CREATE


def test_the_same_event_and_url_twice_moves_twice_unless_the_settings_say_otherwise() -> None:
    pair = theirs(), theirs(Name="other", TargetUrl="https://CRM.example.com:443/hooks")
    assert [step.action for step in planned(*pair)] == [Action.CREATE, Action.CREATE]
    first, second = planned(*pair, unique_url=True)
    assert (first.action, second.action, "UniqueTargetUrl" in second.reason) == (Action.CREATE, Action.REFUSE, True)


def test_the_limit_counts_those_that_are_here_and_those_planned() -> None:
    here = (ours(TargetUrl="https://other.example/", Name="x", Events=["Login", "Register"]),)
    steps = planned(theirs(), theirs(Name="b"), theirs(Name="c", Event="setpin"), here=here, per_event=2)
    assert [step.action for step in steps] == [Action.CREATE, Action.REFUSE, Action.CREATE]
    assert "WebhooksPerEvent" in steps[1].reason


def test_what_is_here_by_event_and_url_is_not_created_again() -> None:
    (step,) = planned(theirs(Name="renamed since"), here=(ours(TargetUrl="https://CRM.example.com/hooks"),))
    assert (step.action, step.webhook, step.name, step.for_human) == (Action.THERE, "a" * 24, "crm", False)


def test_one_here_stands_for_one_of_the_site_and_the_closest_is_taken() -> None:
    plain, special = theirs(Name=""), theirs(Name="special", Headers={"X-A": "1"})
    here = (ours("b" * 24, Name="special", Headers={"X-A": "1"}),)
    assert [s.webhook for s in planned(plain, special, here=here)] == [None, "b" * 24]
    both = (*here, ours("c" * 24, Name="Login-crm-example-com"))
    assert [s.webhook for s in planned(plain, special, here=both)] == ["c" * 24, "b" * 24]


def test_headers_tell_more_than_names() -> None:
    site = theirs(Name="a", Headers={"X-A": "1"}), theirs(Name="b")
    here = ours("b" * 24, Name="a"), ours("c" * 24, Name="z", Headers={"X-A": "1"})
    assert [(s.webhook, s.for_human) for s in planned(*site, here=here)] == [("c" * 24, False), ("b" * 24, False)]


def test_one_here_of_several_events_stands_for_one_of_each() -> None:
    here = (ours(Events=["Login", "Register"]),)
    steps = planned(theirs(), theirs(Event="register"), theirs(Name="more"), here=here)
    assert [step.action for step in steps] == [Action.THERE, Action.THERE, Action.CREATE]


def test_an_ordinary_webhook_is_known_again_before_a_connector() -> None:
    steps = planned(theirs(IsIntegrationWebhook=True), theirs(), here=(ours(),), connectors=True)
    assert [step.action for step in steps] == [Action.CREATE, Action.THERE]


def test_what_was_missing_stays_told_until_it_is_enabled() -> None:
    basic = ours(Authentication=BASIC, Enabled=False)
    assert planned(theirs(Authentication=BASIC), here=(basic,))[0].update["Enabled"] is True
    assert not planned(theirs(Authentication=BASIC), here=(basic | {"Enabled": True},))[0].for_human
    secret = ours(Enabled=False)
    assert planned(theirs(SecretName="p"), here=(secret,))[0].update == {"SecretName": "p", "Enabled": True}
    assert not planned(theirs(SecretName="p"), here=(ours(SecretName="p"),))[0].for_human
    assert planned(theirs(), here=(secret,), same_secret=False)[0].for_human
    assert not planned(theirs(), here=(ours(),), same_secret=False)[0].for_human


def test_one_that_was_enabled_without_what_it_needs_is_told() -> None:
    assert planned(theirs(Authentication=BASIC), here=(ours(),))[0].for_human
    assert planned(theirs(SecretName="p"), here=(ours(),))[0].for_human


def test_a_pause_is_noted_and_left_alone() -> None:
    (step,) = planned(theirs(), here=(ours(Enabled=False, DisabledReason="410 Gone"),))
    assert (step.for_human, step.notes) == (False, ("it sends nothing: 410 Gone",))


def test_differences_are_left_to_a_human_but_for_headers_outrider_never_takes() -> None:
    (step,) = planned(theirs(Headers={"X-A": "1"}, QueryParams={"q": "1"}), here=(ours(Headers={"X-A": "2"}),))
    assert (step.for_human, step.update) == (True, {})
    assert "Headers and QueryParams differ" in step.needs[0].what
    (step,) = planned(theirs(Headers={"Authorization": "x"}), here=(ours(),))
    assert (step.action, step.for_human) == (Action.THERE, False)


def test_values_the_site_masks_are_left_to_a_human() -> None:
    given = theirs(Headers={"X-Team": "a", "X-Key": "••••"}, QueryParams={"sig": "**********"})
    (step,) = planned(given)
    assert (step.action, step.body["Enabled"]) == (Action.DISABLED, False)
    assert step.body["Headers"] == {"X-Team": "a", "X-Key": "random"}
    assert step.body["QueryParams"] == {"sig": "random"}
    kept = "**********"
    assert step.update == {
        "Headers": {"X-Team": kept, "X-Key": "<X-Key>"}, "QueryParams": {"sig": "<sig>"}, "Enabled": True,
    }  # fmt: skip
    shown = {"Headers": {"X-Team": kept, "X-Key": kept}, "QueryParams": {"sig": kept}}
    (step,) = planned(given, here=(ours(Enabled=False, **shown),))
    assert (step.action, [list(need.fields) for need in step.needs]) == (
        Action.THERE,
        [["Headers"], ["QueryParams"]],
    )
    assert not planned(given, here=(ours(**shown),))[0].for_human


def test_a_value_that_is_not_shown_cannot_differ_but_a_name_can() -> None:
    hidden = {"X-A": "**********"}
    assert not planned(theirs(Headers={"X-A": "1"}), here=(ours(Headers=hidden),))[0].for_human
    assert planned(theirs(Headers={"X-B": "1"}), here=(ours(Headers=hidden),))[0].for_human


def test_fields_beyond_the_contract_are_named() -> None:
    assert planned(theirs(RetryCount=3))[0].unknown == ("RetryCount",)
