"""The search for planted secrets finds them: a search that cannot fail proves nothing."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, urlencode

import pytest

from planted import findings, forms, secret

SECRET = secret("token")


@pytest.mark.parametrize(
    "content",
    [
        SECRET.encode(),
        json.dumps({"Headers": {"X-A": f"a{SECRET}b"}}).encode(),
        json.dumps(json.dumps({"a": SECRET})).encode(),
        urlencode({"token": SECRET}).encode(),
        f"/path/{quote(SECRET)}/more".encode(),
        quote(quote(SECRET, safe=""), safe="").lower().encode(),
        repr({"a": SECRET}).encode(),
        SECRET.encode().hex().upper().encode(),
        SECRET.upper().encode(),
        SECRET.encode("utf-16"),
        b64encode(f"user:{SECRET}".encode()),
        b64encode(f"u:{SECRET}".encode()),
        urlsafe_b64encode(f"us:{SECRET}!".encode()),
    ],
)
def test_each_form_is_found(content: bytes) -> None:
    assert findings({"a token": SECRET}, {"here": b"before " + content + b" after"})


def test_nothing_is_found_where_nothing_is() -> None:
    content = json.dumps({"token": "**********", "kind": "token", "tail": secret("")[1:8]}).encode()
    assert findings({"a token": SECRET}, {"here": content, "packed": gzip.compress(content)}) == []


def test_forms_are_long_enough_to_mean_something() -> None:
    assert min(len(form) for form in forms(SECRET).values()) >= 20
