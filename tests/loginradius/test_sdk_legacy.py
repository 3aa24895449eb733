"""The legacy webhook API by LoginRadius' Python SDK 11.6.0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Served, until
from loginradius.sdk import LEGACY, Raised, Sdk

pytestmark = pytest.mark.slow
Connect = Callable[..., Sdk]
Limits = Callable[..., None]
URL = "https://receiver.example.com/legacy"
LOGIN = {"Event": "Login", "TargetUrl": URL}
EVENTS = """Login Register UpdateProfile ResetPassword ChangePassword emailVerification AddEmail RemoveEmail
    BlockAccount DeleteAccount SetUsername AssignRoles UnassignRoles SetPassword LinkAccount UnlinkAccount
    UpdatePhoneId VerifyPhoneNumber CreateCustomObject UpdateCustomobject DeleteCustomObject"""


def hooks(sdk: Sdk, call: str, *arguments: Any) -> Any:
    return sdk.call("web_hook", call, *arguments)


def refused(answer: Any, code: int, message: str) -> None:
    assert (answer["ErrorCode"], answer["Message"]) == (code, message), answer
    assert (type(answer["Description"]), answer["IsProviderError"]) == (str, False)
    assert answer["ProviderErrorResponse"] is None


def test_a_subscription_of_every_event_comes_and_goes(connect: Connect) -> None:
    sdk = connect(LEGACY)
    assert hooks(sdk, "webhook_test") == {"IsAllowed": True}
    for event in EVENTS.split():
        model = {"TargetUrl": URL, "Event": event}
        assert hooks(sdk, "web_hook_subscribe", model) == {"IsPosted": True}
        assert hooks(sdk, "get_web_hook_subscribed_u_r_ls", event) == {"data": [model], "Count": 1}
        assert hooks(sdk, "web_hook_unsubscribe", model) == {"IsDeleted": True}
        assert hooks(sdk, "get_web_hook_subscribed_u_r_ls", event.lower()) == {"data": [], "Count": 0}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"Event": "SetPIN"}, 1086, "Event parameter is invalid"),
        ({"Event": "OrgCreated"}, 1086, "Event parameter is invalid"),
        ({"Event": ""}, 1086, "Event parameter is invalid"),
        ({"Event": None}, 1086, "Event parameter is invalid"),
        ({"TargetUrl": "nonsense"}, 1087, "Webhook target URL is invalid"),
        ({"TargetUrl": "http://receiver.example.com"}, 1087, "Webhook target URL is invalid"),
        ({"TargetUrl": ""}, 1087, "Webhook target URL is invalid"),
        ({"TargetUrl": None}, 1087, "Webhook target URL is invalid"),
        ({"Nmae": "typo"}, 908, "A parameter is not formatted correctly"),
    ],
)
def test_refusals_of_a_model(connect: Connect, change: dict[str, Any], code: int, message: str) -> None:
    sdk = connect(LEGACY)
    for call in ("web_hook_subscribe", "web_hook_unsubscribe"):
        refused(hooks(sdk, call, LOGIN | change), code, message)
    assert hooks(sdk, "get_web_hook_subscribed_u_r_ls", "Login") == {"data": [], "Count": 0}


def test_a_url_is_subscribed_once_and_unsubscribed_once(connect: Connect, limits: Limits) -> None:
    sdk = connect(LEGACY)
    assert hooks(sdk, "web_hook_subscribe", LOGIN) == {"IsPosted": True}
    refused(hooks(sdk, "web_hook_subscribe", LOGIN), 1110, "Webhook target URL is already subscribed")
    other = LOGIN | {"Event": "Register"}
    assert hooks(sdk, "web_hook_subscribe", other) == {"IsPosted": True}
    limits(WebhooksPerEvent=1)
    second = LOGIN | {"TargetUrl": URL + "/2"}
    many = "Number of Webhook subscriptions exceed to limit"
    refused(hooks(sdk, "web_hook_subscribe", second), 1085, many)
    refused(hooks(sdk, "web_hook_unsubscribe", second), 1112, "Webhook target URL is not subscribed")
    for model in (LOGIN, other):
        assert hooks(sdk, "web_hook_unsubscribe", model) == {"IsDeleted": True}
        refused(hooks(sdk, "web_hook_unsubscribe", model), 1112, "Webhook target URL is not subscribed")


def test_events_to_list_must_be_known(connect: Connect) -> None:
    sdk = connect(LEGACY)
    refused(hooks(sdk, "get_web_hook_subscribed_u_r_ls", "Nonsense"), 1086, "Event parameter is invalid")
    with pytest.raises(Raised, match="Invalid value for field event"):
        hooks(sdk, "get_web_hook_subscribed_u_r_ls", " ")


@pytest.mark.parametrize(
    ("attributes", "code", "message"),
    [
        ({"API_SECRET": "wrong-secret"}, 902, "The API secret is unauthorized"),
        ({"API_KEY": "wrong-key"}, 901, "The API key is unauthorized"),
    ],
)
def test_wrong_credentials(connect: Connect, attributes: dict[str, str], code: int, message: str) -> None:
    sdk = connect(LEGACY, **attributes)
    for call, arguments in (
        ("web_hook_subscribe", (LOGIN,)),
        ("web_hook_unsubscribe", (LOGIN,)),
        ("get_web_hook_subscribed_u_r_ls", ("Login",)),
        ("webhook_test", ()),
    ):
        refused(hooks(sdk, call, *arguments), code, message)


def test_too_many_calls(connect: Connect, limits: Limits) -> None:
    sdk = connect(LEGACY)
    limits(CallsPerSecond=1)
    # What the SDK makes of a 429. With urllib3 it waits as long as Retry-After says where nothing is posted.
    until(lambda: hooks(sdk, "web_hook_subscribe", {})["ErrorCode"] == 106)
    if sdk.library == "urllib3":
        assert [hooks(sdk, "webhook_test") for _ in range(3)] == [{"IsAllowed": True}] * 3


def test_both_apis_see_the_same_webhooks(connect: Connect, contract: Served) -> None:
    sdk = connect(LEGACY)
    assert hooks(sdk, "web_hook_subscribe", LOGIN) == {"IsPosted": True}
    (made,) = contract.ok("GET", "/v2/manage/webhooks")["Data"]
    assert (made["Name"], made["Events"], made["TargetUrl"], made["SecretName"]) == ("", ["Login"], URL, "")
    several = {"Name": "several", "Events": ["EmailVerification", "SetPIN"], "TargetUrl": URL}
    kept = contract.ok("POST", "/v2/manage/webhooks", several)
    model = {"TargetUrl": URL, "Event": "emailVerification"}
    assert hooks(sdk, "get_web_hook_subscribed_u_r_ls", "EmailVerification") == {"data": [model], "Count": 1}
    for gone in (model, LOGIN):
        assert hooks(sdk, "web_hook_unsubscribe", gone) == {"IsDeleted": True}
    (left,) = contract.ok("GET", "/v2/manage/webhooks")["Data"]
    assert (left["Id"], left["Events"]) == (kept["Id"], ["SetPIN"])
    contract.ok("DELETE", f"/v2/manage/webhooks/{kept['Id']}")
