"""Masking keeps every other byte."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.redaction import _ENDINGS, MASK, SECRET_FIELDS, mask_headers, mask_payload

KEYS = st.sampled_from(["Password", "pin", "PIN", "ClientSecret", "Name", "a b", 'q"uote', "Tokens"]) | st.text(
    max_size=4
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def reference(value: Any, *, secret: bool = False) -> Any:
    """What masking means, on decoded JSON."""
    if isinstance(value, dict):
        return {
            k: reference(
                v,
                secret=secret or (k.lower() in SECRET_FIELDS and not (k.lower() == "pin" and isinstance(v, dict))),
            )
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [reference(item, secret=secret) for item in value]
    return MASK if secret and value not in (None, "") else value


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_masking_agrees_with_the_reference(value: Any, ascii_only: bool, indent: int | None) -> None:
    masked = mask_payload(
        json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    )
    assert json.loads(masked) == reference(value)


def test_bytes_around_a_secret_stay() -> None:
    given_bytes = b'{ "Uid" : "1",\n "Password":\t"x\\"y", "Age":1.50, "PIN":{"PIN":1234,"Skipped":false} }'
    expected = (
        b'{ "Uid" : "1",\n "Password":\t"**********", "Age":1.50, "PIN":{"PIN":"**********","Skipped":false} }'
    )
    assert mask_payload(given_bytes) == expected


def test_an_escaped_key_is_still_a_secret() -> None:
    assert b"hunter2" not in mask_payload(b'{"\\u0050assword":"hunter2"}')


def test_nulls_and_payloads_without_secrets_are_untouched() -> None:
    for data in (b'{"Password":null,"PIN":null}', b'{"Name":"Password"}', b'{"RefreshTokenTTL":86400}'):
        assert mask_payload(data) == data


def test_credentials_in_headers_are_masked() -> None:
    shown = dict(mask_headers((("authorization", "Bearer abc"), ("X-Api-Key", "k"), ("x-region", "eu"))))
    assert shown == {"authorization": f"Bearer {MASK}", "X-Api-Key": MASK, "x-region": "eu"}


def test_the_cheap_look_misses_no_secret_field() -> None:
    assert all(any(f'{field}"'.encode().endswith(ending) for ending in _ENDINGS) for field in SECRET_FIELDS)
