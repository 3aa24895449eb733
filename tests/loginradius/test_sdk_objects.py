"""Custom objects by LoginRadius' Python SDK 11.7.0: its five calls for accounts, field by field, every refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import Served
from loginradius.sdk import V2, Sdk

pytestmark = pytest.mark.slow
Connect = Callable[..., Sdk]
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = ["Id", "IsActive", "DateCreated", "DateModified", "IsDeleted", "Uid", "CustomObject"]
CONTENT = {"first": "é", "three": ["a"]}
UNKNOWN = "0" * 24


def objects(sdk: Sdk, call: str, *arguments: Any) -> Any:
    return sdk.call("custom_object", call, *arguments)


def create(sdk: Sdk, content: Any = CONTENT) -> Any:
    made = objects(sdk, "create_custom_object_by_uid", "MyOrders", content, "Uid_A")
    assert "ErrorCode" not in made, made
    return made


def update(sdk: Sdk, record: str, content: Any, *update_type: str) -> Any:
    return objects(sdk, "update_custom_object_by_uid", "MyOrders", record, content, "Uid_A", *update_type)


def refused(answer: Any, code: int, message: str) -> None:
    assert (answer["ErrorCode"], answer["Message"]) == (code, message), answer
    assert (type(answer["Description"]), answer["IsProviderError"]) == (str, False)
    assert answer["ProviderErrorResponse"] is None


@pytest.fixture
def sdk(connect: Connect, contract: Served) -> Iterator[Sdk]:
    """The user has no records, before and afterwards."""
    client = connect(V2)
    yield client
    for record in objects(client, "get_custom_object_by_uid", "MyOrders", "Uid_A")["data"]:
        objects(client, "delete_custom_object_by_record_id", "MyOrders", record["Id"], "Uid_A")
    assert objects(client, "get_custom_object_by_uid", "MyOrders", "Uid_A") == {"data": [], "Count": 0}


def test_a_record_goes_through_all_five_calls(sdk: Sdk) -> None:
    made = create(sdk)
    assert list(made) == FIELDS
    assert re.fullmatch(r"[0-9a-f]{24}", made["Id"])
    assert DATE.fullmatch(made["DateCreated"])
    assert made["DateModified"] == made["DateCreated"]
    assert (made["IsActive"], made["IsDeleted"], made["Uid"]) == (True, False, "Uid_A")
    assert made["CustomObject"] == CONTENT

    assert objects(sdk, "get_custom_object_by_uid", "myorders", "Uid_A") == {"data": [made], "Count": 1}
    assert objects(sdk, "get_custom_object_by_record_id", "MyOrders", made["Id"], "Uid_A") == made

    changed = update(sdk, made["Id"], {"two": 2}, "partialreplace")
    assert list(changed["CustomObject"].items()) == [("first", "é"), ("three", ["a"]), ("two", 2)]
    assert DATE.fullmatch(changed["DateModified"])
    assert changed["DateModified"] >= made["DateModified"]
    kept = [field for field in FIELDS if field not in {"DateModified", "CustomObject"}]
    assert [changed[field] for field in kept] == [made[field] for field in kept]
    assert objects(sdk, "get_custom_object_by_record_id", "MyOrders", made["Id"], "Uid_A") == changed

    assert objects(sdk, "delete_custom_object_by_record_id", "MyOrders", made["Id"], "Uid_A") == {"IsDeleted": True}
    assert objects(sdk, "get_custom_object_by_uid", "MyOrders", "Uid_A") == {"data": [], "Count": 0}


def test_what_an_update_keeps(sdk: Sdk) -> None:
    identity = create(sdk)["Id"]
    update(sdk, identity, {"two": 2}, "partialreplace")
    assert update(sdk, identity, {"four": 4})["CustomObject"] == CONTENT | {"two": 2, "four": 4}
    assert update(sdk, identity, {"only": 1}, "replace")["CustomObject"] == {"only": 1}
    refused(update(sdk, identity, {"a": 1}, "merge"), 908, "A parameter is not formatted correctly")
    found = objects(sdk, "get_custom_object_by_record_id", "MyOrders", identity, "Uid_A")
    assert found["CustomObject"] == {"only": 1}


def test_uids_keep_their_case(sdk: Sdk) -> None:
    made = create(sdk)
    answer = objects(sdk, "get_custom_object_by_record_id", "MyOrders", made["Id"], "uid_a")
    refused(answer, 1057, "Custom object is not found or does not exist")
    assert objects(sdk, "get_custom_object_by_uid", "MyOrders", "uid_a") == {"data": [], "Count": 0}


def test_records_there_are_not(sdk: Sdk) -> None:
    message = "Custom object is not found or does not exist"
    refused(objects(sdk, "get_custom_object_by_record_id", "MyOrders", UNKNOWN, "Uid_A"), 1057, message)
    refused(update(sdk, UNKNOWN, {}, "replace"), 1057, message)
    refused(objects(sdk, "delete_custom_object_by_record_id", "MyOrders", UNKNOWN, "Uid_A"), 1057, message)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("MyOrders", [1], "Uid_A"), 1035, "Custom object JSON is invalid"),
        (("My$Orders", {}, "Uid_A"), 1064, "Custom object name is invalid"),
        (("MyOrders", {}, "a.b"), 1200, "Uid is not valid"),
    ],
)
def test_refusals(sdk: Sdk, arguments: tuple[Any, ...], code: int, message: str) -> None:
    refused(objects(sdk, "create_custom_object_by_uid", *arguments), code, message)


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
        ("create_custom_object_by_uid", ("MyOrders", CONTENT, "Uid_A")),
        ("get_custom_object_by_uid", ("MyOrders", "Uid_A")),
        ("get_custom_object_by_record_id", ("MyOrders", UNKNOWN, "Uid_A")),
        ("update_custom_object_by_uid", ("MyOrders", UNKNOWN, {}, "Uid_A", "replace")),
        ("delete_custom_object_by_record_id", ("MyOrders", UNKNOWN, "Uid_A")),
    ):
        refused(objects(sdk, call, *arguments), code, message)
