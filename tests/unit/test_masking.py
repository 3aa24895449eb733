"""Masking keeps every other byte."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.masking import DEEPEST, Masking
from outrider.domain.redaction import MASK
from outrider.domain.secret_names import LOOKED_INTO, NAMED, NAMING, SECRET, SecretNames

NAMES = SecretNames()
mask = Masking(NAMES).payload

KEYS = st.sampled_from(
    ["Password", "pin", "PIN", "ClientSecret", "Name", "a b", 'q"uote', "Tokens", "Value", "NewValue", "Key", "Api",
     "Credentials", "Answer", "SecurityQuestions", "é"]
) | st.text(max_size=4)  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters='"'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.sampled_from(["Password", "apiKey", "name"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def reference(value: Any, below: str = "", *, secret: bool = False) -> Any:
    """What masking means, on decoded JSON."""
    if isinstance(value, list):
        return [reference(item, below, secret=secret) for item in value]
    if not isinstance(value, dict):
        return MASK if secret and value not in (None, "") else value
    kinds = {k: NAMES.kind(json.dumps(k)[1:-1].encode(), json.dumps(below)[1:-1].encode()) for k in value}
    named = any(kinds[k] & NAMING and isinstance(v, str) and NAMES.secret(v) for k, v in value.items())
    return {
        k: reference(
            v,
            k,
            secret=secret
            or bool(kinds[k] & SECRET and not (kinds[k] & LOOKED_INTO and isinstance(v, dict)))
            or bool(named and kinds[k] & NAMED),
        )
        for k, v in value.items()
    }


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_masking_agrees_with_the_reference(value: Any, ascii_only: bool, indent: int | None) -> None:
    masked = mask(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode())
    assert json.loads(masked) == reference(value)
    assert mask(masked) == masked


def test_bytes_around_a_secret_stay() -> None:
    given_bytes = b'{ "Uid" : "1",\n "Password":\t"x\\"y", "Age":1.50, "PIN":{"PIN":1234,"Skipped":false} }'
    expected = (
        b'{ "Uid" : "1",\n "Password":\t"**********", "Age":1.50, "PIN":{"PIN":"**********","Skipped":false} }'
    )
    assert mask(given_bytes) == expected


def test_an_escaped_key_is_still_a_secret() -> None:
    for name in (r"\u0050assword", r"\uff30assword", r"pass\u200bword", r"pass\/word", r"pass\tword"):
        assert b"hunter2" not in mask(b'{"%s":"hunter2"}' % name.encode())


def test_nulls_and_payloads_without_secrets_are_untouched() -> None:
    for data in (
        b'{"Password":null,"PIN":null,"Tokens":"","NewPassword":[]}',
        b'{"Name":"Password"}',
        b'{"RefreshTokenTTL":86400}',
        b'{"Text":"the \\"token\\" is: none","A":"\\\\"}',
        b'{"List":["Password","Token"]}',
    ):
        assert mask(data) == data


@pytest.mark.parametrize(
    ("given_value", "masked"),
    [
        ({"Tokens": ["a", 1, True, None, {"Id": "b", "N": ""}]},
         {"Tokens": [MASK, MASK, MASK, None, {"Id": MASK, "N": ""}]}),
        ({"PIN": {"PIN": "1", "Skipped": True}}, {"PIN": {"PIN": MASK, "Skipped": True}}),
        ({"PIN": [{"A": 1}]}, {"PIN": [{"A": MASK}]}),
        ({"Credentials": {"User": "u", "Password": "p"}}, {"Credentials": {"User": "u", "Password": MASK}}),
        ({"ProviderAccessCredential": {"AccessToken": "a", "TokenSecret": "b"}},
         {"ProviderAccessCredential": {"AccessToken": MASK, "TokenSecret": MASK}}),
    ],
)  # fmt: skip
def test_every_kind_of_value(given_value: Any, masked: Any) -> None:
    assert json.loads(mask(json.dumps(given_value).encode())) == masked


@pytest.mark.parametrize(
    "pair",
    [
        {"Name": "Password", "Value": "S"},
        {"Value": "S", "Name": "Password"},
        {"key": "apiKey", "value": ["S", {"a": "S"}]},
        {"Field": "PIN", "OldValue": "S", "NewValue": "S"},
        {"Type": "otp", "Val": 5550001},
        {"attribute": "user.secret", "from": "S", "to": "S"},
        {"op": "replace", "path": "/credentials/password", "value": "S"},
        {"FieldName": "new_password", "FieldValue": "S"},
        {"name": "authorization", "value": "Bearer S"},
        {"Key": "Ｐassword", "Value": "S"},
        {"id": "pass\u200bword", "value": "S"},
        {"Property": "AccessToken", "Before": {"Deep": [{"x": "S"}]}, "After": "S"},
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_what_is_named_by_its_neighbour(pair: dict[str, Any], escaped: bool) -> None:
    data = json.dumps({"Changes": [{"Name": "City", "Value": "Hamburg"}, pair]}, ensure_ascii=escaped).encode()
    masked = mask(data)
    assert b'"S"' not in masked
    assert b"Bearer" not in masked
    assert b"5550001" not in masked
    assert json.loads(masked)["Changes"][0] == {"Name": "City", "Value": "Hamburg"}
    left = json.loads(masked)["Changes"][1]
    assert {k: v for k, v in left.items() if v in pair.values() and MASK not in json.dumps(v)}, "the name stays"


def test_neighbours_that_name_no_secret_stay() -> None:
    data = (
        b'{"Email":[{"Type":"Primary","Value":"rosa@example.com"}],"A":{"Key":"PasswordPolicy","Value":"strict"}}'
    )
    assert mask(data) == data


def test_json_in_strings_is_masked_inside() -> None:
    inner = {"Password": "hunter2", "Uid": "ü1", "Pair": {"Name": "token", "Value": "hunter2"}}
    for depth in range(DEEPEST + 3):
        text: Any = inner
        for _ in range(depth):
            text = {"Text": json.dumps(text)}
        masked = mask(json.dumps(text).encode())
        assert b"hunter2" not in masked
        value = json.loads(masked)
        for _ in range(depth):
            if value["Text"] == MASK:
                assert depth > DEEPEST
                break
            value = json.loads(value["Text"])
        else:
            assert value == inner | {"Password": MASK, "Pair": {"Name": "token", "Value": MASK}}


@pytest.mark.parametrize(
    "text",
    [
        r'"{\u0022Password\u0022:\u0022hunter2\u0022}"',  # as .NET writes it
        r'"{\"\\u0050assword\":\"hunter2\"}"',
        r'"[{\"Name\":\"Password\",\"Value\":\"hunter2\"}]"',
        r'"\n  {\n  \"Password\" : \"hunter2\"}"',
        r'"request failed, body: {\"Password\":\"hunter2\"}"',
        r'"{\"Uid\":\"1\",\"Password\":\"hunter2"',  # what a log has cut
        r'"{\"Uid\":\"1\",\"NewPassword\": {\"a\": [\"hunter2\", \"hunter2"',
        r'"]}]{\"Password\":\"hunter2\"}"',
        r'"\ud800{\"Password\":\"hunter2\"}"',
    ],
)
def test_json_in_strings_in_other_spellings(text: str) -> None:
    masked = mask(b'{"Uid":"u","Text":%s,"City":"Hamburg"}' % text.encode())
    assert b"hunter2" not in masked
    assert json.loads(masked)["City"] == "Hamburg"


def test_a_string_without_secrets_keeps_its_bytes() -> None:
    data = rb'{"Token":"x","Text":"{\"Uid\":\"1\",\u0022City\":\"\\u00fc\"}","More":"\"a\": {[\\\"b\\\""}'
    assert mask(data) == data.replace(b'"x"', b'"%s"' % MASK.encode())


@pytest.mark.parametrize(
    "unit",
    [b"[],", b"{},", b'"",', b'"\\"",', b'{"name":"token","value":1},', b'{"pin":{"credentials":[1]}},',
     b'"\xc3\xa9\\"\\"\\"",'],
)  # fmt: skip
@pytest.mark.parametrize("nested", [False, True])
def test_time_is_linear_in_the_payload(unit: bytes, nested: bool) -> None:
    def cost(size: int) -> float:
        data = b'{"token":[' + unit * (size // len(unit)) + b"1]}"
        if nested:
            data = json.dumps({"Text": data.decode()}).encode()
        started = time.process_time()
        mask(data)
        return time.process_time() - started

    small, large = cost(20_000), cost(320_000)
    assert large < 2.0
    assert large < 16 * 6 * max(small, 0.002)


def test_a_string_without_end_is_read_once() -> None:
    """Backslashes and quotes that never close would make a search from each of them."""
    text = '{"token": "' + '\\"' * 60_000 + "\\"
    started = time.process_time()
    assert b"token" in mask(json.dumps({"Text": text}).encode())
    assert time.process_time() - started < 2.0
