"""Content of custom objects: what is refused, and what an update keeps."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.errors import CallerError
from outrider.domain.object_content import (
    DEEPEST,
    UpdateType,
    changed,
    checked_uid,
    object_name,
    parse,
    update_type,
    written,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=5)


@given(OBJECTS, OBJECTS)
def test_a_partial_update_merges_the_top_level(before: dict[str, Any], update: dict[str, Any]) -> None:
    stored, given_fields = json.dumps(before).encode(), parse(json.dumps(update).encode(), 1079)
    for kind in (UpdateType.PARTIAL_REPLACE, UpdateType.DEFAULT):
        merged = changed(stored, given_fields, kind)
        assert json.loads(merged) == before | update
        assert list(json.loads(merged)) == list(before | update)
    assert json.loads(changed(stored, given_fields, UpdateType.REPLACE)) == update


def test_values_stay_the_callers_bytes() -> None:
    body = b'{"b" : [1.50, {"Z":1, "a":2}], "A":12345678901234567890123, "b2":"\\u00e9", "a":null}'
    content = written(parse(body, 965))
    assert content == b'{"b":[1.50, {"Z":1, "a":2}],"A":12345678901234567890123,"b2":"\\u00e9","a":null}'
    assert changed(content, parse(b'{"A": {"q":0.10}}', 1079), UpdateType.DEFAULT) == (
        b'{"b":[1.50, {"Z":1, "a":2}],"A":{"q":0.10},"b2":"\\u00e9","a":null}'
    )


def test_of_a_field_given_twice_the_last_counts() -> None:
    assert written(parse(b'{"a":1,"b":2,"a":3}', 965)) == b'{"a":3,"b":2}'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 965),
        (b"{", 965),
        (b'{"a":1}}', 965),
        (b'{"a":"\xff"}', 965),
        (b'{"a":NaN}', 965),
        (b"[]", 1035),
        (b"null", 1035),
        (b'"x"', 1035),
        (b'{"a":1e999}', 1035),
        (b"{" + b'"a":{' * DEEPEST + b"}" * DEEPEST + b"}", 1035),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 1035),
    ],
)
def test_refused_bodies(body: bytes, code: int) -> None:
    with pytest.raises(CallerError) as refused:
        parse(body, 965)
    assert (refused.value.code, refused.value.status, refused.value.field) == (code, 400, "body")


def test_the_deepest_and_the_widest_pass() -> None:
    deepest = b"{" + b'"a":{' * (DEEPEST - 1) + b"}" * (DEEPEST - 1) + b"}"
    assert written(parse(deepest, 965)) == deepest
    wide = json.dumps({"a": [{} for _ in range(5 * DEEPEST)]}).encode()
    assert json.loads(written(parse(wide, 965))) == json.loads(wide)


def test_names() -> None:
    assert object_name("My_Orders-2.x") == "my_orders-2.x"
    for wrong, code in (
        (None, 908),
        ("", 908),
        ("a b", 1064),
        ("a/b", 1064),
        ("é", 1064),
        ("\u212a", 1064),
        ("x" * 65, 1064),
    ):
        with pytest.raises(CallerError) as refused:
            object_name(wrong)
        assert refused.value.code == code


def test_uids() -> None:
    assert checked_uid("A-b_9" * 10) == "A-b_9" * 10
    for wrong in ("", "a" * 51, "a.b", "é", "a\n"):
        with pytest.raises(CallerError) as refused:
            checked_uid(wrong)
        assert (refused.value.code, refused.value.status) == (1200, 403)


def test_update_types() -> None:
    assert update_type("PartialReplace") is UpdateType.PARTIAL_REPLACE
    assert update_type("REPLACE") is UpdateType.REPLACE
    assert update_type(None) is update_type("Default") is UpdateType.DEFAULT
    with pytest.raises(CallerError) as refused:
        update_type("merge")
    assert (refused.value.code, refused.value.status) == (908, 400)
