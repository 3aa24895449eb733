"""What is shown of a webhook's requests: nothing but what is known to be harmless, or said to be."""

from __future__ import annotations

import secrets
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.test_planted import CREDENTIAL_HEADERS
from outrider.domain.exposure import (
    mask_headers,
    secret_headers,
    secret_params,
    shown_headers,
    shown_params,
)
from outrider.domain.model import Webhook
from outrider.domain.redaction import MASK
from outrider.domain.target import same_host, shown_url

HEADERS = {"X-Api-Key": "k", "X-Region": "eu", "X-TEAM": "blue", "X-Empty": ""}
PARAMS = {"sig": "s", "env": "test", "Team": "blue", "empty": ""}


def webhook(**changes: object) -> Webhook:
    fields = {
        "id": "w", "tenant": "t", "name": "", "events": ("Login",), "target_url": "https://a.example/",
        "secret": "", "authentication": None, "headers": HEADERS, "query_params": PARAMS, "created": 0,
        "modified": 0,
    }  # fmt: skip
    return Webhook(**(fields | changes))


def test_every_value_is_secret_but_those_of_harmless_and_marked_names() -> None:
    made = webhook(plain_headers=("x-team",), plain_params=("team",))
    assert secret_headers(made) == {"X-Api-Key": "k"}
    assert secret_params(made) == {"sig": "s"}
    assert shown_headers(made) == HEADERS | {"X-Api-Key": MASK}
    assert shown_params(made) == PARAMS | {"sig": MASK}
    assert set(secret_headers(webhook())) == {"X-Api-Key", "X-TEAM"}
    assert shown_headers(webhook(headers=None)) is None


@pytest.mark.parametrize("name", CREDENTIAL_HEADERS)
def test_no_name_of_a_credential_is_harmless(name: str) -> None:
    for spelled in (name, name.lower(), name.upper()):
        assert mask_headers([(spelled, "value")], ()) == ((spelled, MASK),)
        assert secret_params(webhook(query_params={spelled: "value"})) == {spelled: "value"}


def test_the_headers_of_an_attempt() -> None:
    ours = (("accept", "application/json"), ("webhook-id", "1"), ("signature", "AB"))
    given_headers = (*ours, ("authorization", "Bearer abc"), ("X-Team", "blue"), ("X-A", "k"))
    shown = mask_headers(given_headers, ("x-team",))
    assert shown == (*ours, ("authorization", f"Bearer {MASK}"), ("X-Team", "blue"), ("X-A", MASK))
    assert mask_headers(shown, ()) == (*shown[:4], ("X-Team", MASK), shown[5])
    assert mask_headers([("authorization", "alone")], ()) == (("authorization", MASK),)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", f"/services/T00000000/B00000000/{MASK}"),
        ("/api/webhooks/1099511627776123456/aB3-dE6_gH9jK2mN5pQ8sT1v", f"/api/webhooks/{MASK}/{MASK}"),
        ("/hooks/0b9fa1d2-c57e-4c0e-8a86-c1d1f0a7b3e4", f"/hooks/{MASK}"),
        ("/bot123456:ABC-DEF1234ghIkl-zyz57W2v1u123ew11/send", f"/{MASK}/send"),
        ("/a/MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U", f"/a/{MASK}"),
        ("/a/correcthorsebatterystaple", f"/a/{MASK}"),
        ("/a/s3cret%2Fs3cret%2Fs3cret", f"/a/{MASK}"),
        ("/a;jsessionid=A1B2C3D4E5F6A7B8", f"/{MASK}"),
        ("/a/a1-b2-c3-d4-e5-f6-a7", f"/a/{MASK}"),
        ("/customer-profile-updates-2026/CustomerProfileUpdates/v2", None),
        ("/crm-v2-production-eu1/identity.profile.changed/20260131", None),
        ("/notifications/organization_memberships/straße-ereignisse", None),
        ("/", None),
        ("", None),
    ],
)
def test_a_path_without_its_secrets(path: str, shown: str | None) -> None:
    assert shown_url(f"https://a.example{path}") == f"https://a.example{path if shown is None else shown}"


def test_user_info_and_queries_are_not_shown() -> None:
    assert shown_url("https://u:p@a.example:444/x?token=s&bare") == "https://a.example:444/x?…"
    assert "secret" not in shown_url("https://[::1/?token=secret")


@given(
    st.sampled_from([secrets.token_urlsafe, secrets.token_hex, lambda _: str(uuid.uuid4())]), st.integers(20, 64)
)
def test_random_tokens_are_not_shown_and_masks_stay(make: object, size: int) -> None:
    token = make(size)
    shown = shown_url(f"https://a.example/hooks/{token}/in?token={token}")
    assert token not in shown
    assert shown_url(shown) == shown


def test_what_is_the_same_host() -> None:
    assert same_host("https://a.example/x?y", "https://A.example:443/z")
    for other in ("https://a.example:444/x", "https://b.example/x", "https://a.example.evil/x"):
        assert not same_host("https://a.example/x", other)
