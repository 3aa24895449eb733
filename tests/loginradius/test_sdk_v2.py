"""The v2 webhook API by LoginRadius' Python SDK 11.7.0: every call, every field, every refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from harness import until
from loginradius.sdk import V2, Raised, Sdk

pytestmark = pytest.mark.slow
Connect = Callable[..., Sdk]
Limits = Callable[..., None]
URL = "https://receiver.example.com/hook"
MASK = "**********"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# The SDK's README spells the keys of its example in three ways; so does this.
README = {
    "event": "Login",
    "name": "Description of the Event",
    "targetUrl": URL,
    "Headers": {"X-Custom-Header": "value"},
    "QueryParams": {"apikey": "1 & 2"},
    "Authentication": {"AuthType": "Basic", "BasicAuth": {"Username": "user", "Password": "a password"}},
}


def hooks(sdk: Sdk, call: str, *arguments: Any) -> Any:
    return sdk.call("web_hook", call, *arguments)


def create(sdk: Sdk, **model: Any) -> Any:
    made = hooks(sdk, "create_webhook_subscription", {"Event": "Login", "TargetUrl": URL} | model)
    assert "ErrorCode" not in made, made
    return made


def delete(sdk: Sdk, *ids: str) -> None:
    for identity in ids:
        assert hooks(sdk, "delete_webhook_subscription", identity) == {"IsDeleted": True}


def refused(answer: Any, code: int, message: str) -> None:
    assert (answer["ErrorCode"], answer["Message"]) == (code, message), answer
    assert (type(answer["Description"]), answer["IsProviderError"]) == (str, False)
    assert answer["ProviderErrorResponse"] is None


def test_a_webhook_goes_through_all_six_calls(connect: Connect) -> None:
    sdk = connect(V2)
    made = hooks(sdk, "create_webhook_subscription", README)
    assert re.fullmatch(r"[0-9a-f]{24}", made["Id"])
    assert DATE.fullmatch(made["CreatedDate"])
    assert made["LastModifiedDate"] == made["CreatedDate"]
    contract = {
        "TargetUrl": URL,
        "Event": "Login",
        "SecretName": "",
        "Name": "Description of the Event",
        "IsIntegrationWebhook": False,
        "Headers": {"X-Custom-Header": MASK},
        "QueryParams": {"apikey": MASK},
        "Authentication": {
            "AuthType": "Basic",
            "BasicAuth": {"Username": "user", "Password": ""},
            "BearerToken": None,
        },
    }
    assert {field: made[field] for field in contract} == contract
    assert hooks(sdk, "get_webhook_subscription_detail", made["Id"]) == made
    assert hooks(sdk, "list_all_webhooks") == {"Data": [made]}
    sent_back = hooks(sdk, "update_webhook_subscription", made["Id"], made)
    assert {field: sent_back[field] for field in contract} == contract

    bearer = {"AuthType": "Bearer", "BearerToken": {"Token": "t0ken"}}
    change = {"Headers": None, "QueryParams": {"a": "b"}, "Authentication": bearer}
    changed = hooks(sdk, "update_webhook_subscription", made["Id"], change)
    contract |= {"Headers": None, "QueryParams": {"a": MASK}}
    contract["Authentication"] = {"AuthType": "Bearer", "BasicAuth": None, "BearerToken": {"Token": ""}}
    assert {field: changed[field] for field in contract} == contract
    assert (changed["Id"], changed["CreatedDate"]) == (made["Id"], made["CreatedDate"])
    assert DATE.fullmatch(changed["LastModifiedDate"])
    assert changed["LastModifiedDate"] >= made["LastModifiedDate"]

    delete(sdk, made["Id"])
    assert hooks(sdk, "list_all_webhooks") == {"Data": []}


def test_what_is_not_set_is_null(connect: Connect) -> None:
    sdk = connect(V2)
    made = create(sdk)
    unset = ("Headers", "QueryParams", "Authentication")
    assert [made[field] for field in unset] == [None, None, None]
    assert made["Name"] == ""
    emptied = hooks(sdk, "update_webhook_subscription", made["Id"], {"Headers": {}, "QueryParams": {}})
    assert [emptied[field] for field in unset] == [None, None, None]
    delete(sdk, made["Id"])


def test_the_events_are_loginradius_and_ours_after_them(connect: Connect) -> None:
    names = hooks(connect(V2), "get_webhook_events")["Data"]
    ciam = """Login Register UpdateProfile ResetPassword ChangePassword EmailVerification AddEmail RemoveEmail
        BlockAccount DeleteAccount SetUsername CreateTraditionalAccount AssignRoles UnassignRoles SetPassword
        LinkAccount UnlinkAccount UpdatePhoneId VerifyPhoneNumber InvalidateEmailVerification RemoveRoleContext
        CreateCustomObject UpdateCustomObject DeleteCustomObject InvalidatePhoneVerification RemovePhoneId
        ConsentProfileUpdate SetPIN ResetPIN ChangePIN UpdateUid"""
    assert names[:31] == ciam.split()
    assert len(names) == 48
    sdk = connect(V2)
    for spelling in ("emailVerification", "UpdateCustomobject", "SetPin"):
        made = create(sdk, Event=spelling)
        assert made["Event"] in names
        assert made["Event"].lower() == spelling.lower()
        delete(sdk, made["Id"])


@pytest.mark.parametrize("name", ["é ü 漢字 🙂", "Description", "errorCode", 'quote " and \\ backslash'])
def test_names_come_back_as_they_were_given(connect: Connect, name: str) -> None:
    sdk = connect(V2)
    plain = {"PlainHeaders": ["x-description"], "PlainQueryParams": ["errorcode"]}
    added = {"Headers": {"X-Description": "description"}, "QueryParams": {"errorCode": name}}
    made = create(sdk, Name=name, **added, **plain)
    assert (made["Name"], made["QueryParams"]) == (name, {"errorCode": name})
    assert made["Headers"] == {"X-Description": "description"}
    assert hooks(sdk, "list_all_webhooks")["Data"] == [made]
    delete(sdk, made["Id"])


@pytest.mark.parametrize(
    ("model", "code", "message"),
    [
        ({"Event": "Nonsense"}, 1086, "Event parameter is invalid"),
        ({"Event": ""}, 1086, "Event parameter is invalid"),
        ({"Event": "  "}, 1086, "Event parameter is invalid"),
        ({"Event": None}, 1086, "Event parameter is invalid"),
        ({"TargetUrl": "receiver"}, 1087, "Webhook target URL is invalid"),
        ({"TargetUrl": "http://receiver.example.com"}, 1087, "Webhook target URL is invalid"),
        ({"TargetUrl": ""}, 1087, "Webhook target URL is invalid"),
        ({"TargetUrl": None}, 1087, "Webhook target URL is invalid"),
        ({"Headers": {"Authorization": "x"}}, 7900, "A parameter is not formatted correctly"),
        ({"Authentication": {"AuthType": "Basic"}}, 7900, "A parameter is not formatted correctly"),
        ({"SecretName": "no-such-secret"}, 7900, "A parameter is not formatted correctly"),
        ({"Nmae": "typo"}, 7900, "A parameter is not formatted correctly"),
    ],
)
def test_refusals_of_a_model(connect: Connect, model: dict[str, Any], code: int, message: str) -> None:
    sdk = connect(V2)
    given = {"Event": "Login", "TargetUrl": URL} | model
    refused(hooks(sdk, "create_webhook_subscription", given), code, message)
    made = create(sdk)
    refused(hooks(sdk, "update_webhook_subscription", made["Id"], model), code, message)
    assert hooks(sdk, "list_all_webhooks") == {"Data": [made]}
    delete(sdk, made["Id"])


def test_ids_that_are_unknown_malformed_or_blank(connect: Connect) -> None:
    sdk = connect(V2)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("get_webhook_subscription_detail", ()),
        ("update_webhook_subscription", ({"Headers": None},)),
        ("delete_webhook_subscription", ()),
    ]
    for call, more in calls:
        refused(hooks(sdk, call, "0" * 24, *more), 7986, "WebHook configuration not found")
        refused(hooks(sdk, call, "wh_001", *more), 7900, "A parameter is not formatted correctly")
        with pytest.raises(Raised, match="Invalid value for field hook_id"):
            hooks(sdk, call, " ", *more)


@pytest.mark.parametrize(
    ("attributes", "code", "message"),
    [
        ({"API_SECRET": "wrong-secret"}, 902, "The API secret is unauthorized"),
        ({"API_KEY": "wrong-key"}, 901, "The API key is unauthorized"),
    ],
)
def test_wrong_credentials(connect: Connect, attributes: dict[str, str], code: int, message: str) -> None:
    sdk = connect(V2, **attributes)
    for call, arguments in (
        ("create_webhook_subscription", (README,)),
        ("get_webhook_subscription_detail", ("0" * 24,)),
        ("update_webhook_subscription", ("0" * 24, {})),
        ("delete_webhook_subscription", ("0" * 24,)),
        ("list_all_webhooks", ()),
        ("get_webhook_events", ()),
    ):
        refused(hooks(sdk, call, *arguments), code, message)


def test_what_the_sdk_adds_is_ignored(connect: Connect) -> None:
    sdk = connect(V2, SERVER_REGION="eu", ORIGIN_IP="192.0.2.1", API_REQUEST_SIGNING=True)
    made = create(sdk)
    assert hooks(sdk, "list_all_webhooks") == {"Data": [made]}
    delete(sdk, made["Id"])


def test_loginradius_limits(connect: Connect, limits: Limits) -> None:
    limits(WebhooksPerEvent=2, UniqueTargetUrl=True, LoginRadiusNames=True)
    sdk = connect(V2)
    given = {"Event": "Login", "TargetUrl": URL, "Name": "A name_of-24 characters1"}
    first = create(sdk, **given)
    taken = given | {"Name": "b", "TargetUrl": "https://RECEIVER.example.com:443/hook"}
    refused(hooks(sdk, "create_webhook_subscription", taken), 7989, "Webhook target URL is already subscribed")
    for name in ("", "A name of 25 characters..", "ümlaut"):
        answer = hooks(sdk, "create_webhook_subscription", given | {"TargetUrl": URL + "/2", "Name": name})
        refused(answer, 7900, "A parameter is not formatted correctly")
        assert answer["Field"] == "Name"
    second = create(sdk, TargetUrl=URL + "/2", Name="c")
    third = {"Event": "Login", "TargetUrl": URL + "/3", "Name": "d"}
    many = "Number of Webhook subscriptions exceed to limit"
    refused(hooks(sdk, "create_webhook_subscription", third), 1085, many)
    other = create(sdk, **third | {"Event": "Register"})
    delete(sdk, first["Id"], second["Id"], other["Id"])


def test_too_many_calls(connect: Connect, limits: Limits) -> None:
    sdk = connect(V2)
    limits(CallsPerSecond=1)
    # What the SDK makes of a 429. With urllib3 it waits as long as Retry-After says where nothing is posted.
    until(lambda: hooks(sdk, "create_webhook_subscription", {})["ErrorCode"] == 106)
    if sdk.library == "urllib3":
        assert [hooks(sdk, "list_all_webhooks") for _ in range(3)] == [{"Data": []}] * 3
