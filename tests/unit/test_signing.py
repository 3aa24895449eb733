"""Signatures against vectors computed elsewhere and an independent library."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from outrider.domain.signing import loginradius_signature, signing_key, standard_signature, whsec

LONG = (
    '{"HookName":"login","Time":"2019-06-11T20:27:56Z","HookId":"079345b7-7491-4619-91fa-eb881dd78ba4",'
    '"Data":{"Uid":"793fb102948e48c0bac4382200cc50a8"}}'
)


@pytest.mark.parametrize(
    ("key", "body", "expected"),
    [
        ("secret", '{"a":1}', "AA9E2E3575F5D7098B6CACCD790888C36D5FDB63342A73BADA2D6A51747A8494"),
        ("my-api-secret", '{"Name":"é"}', "34C3D36BE89E09A8964F90931C98329E76ADE89B69E73FE5B2458DE1441B29CD"),
        ("my-api-secret", LONG, "40F02A3A95660D0764469C30D171D9433AAC92173EB89D6237AF432AC3B12FBA"),
    ],
)
def test_loginradius_vectors(key: str, body: str, expected: str) -> None:
    assert loginradius_signature(key, body.encode()) == expected
    assert loginradius_signature(key, body.encode() + b" ") != expected


@pytest.mark.parametrize(
    ("secret", "identity", "timestamp", "body", "expected"),
    [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1649367553,
            b'{"email":"test@example.com","username":"test_user"}',
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ],
)
def test_standard_webhooks_vectors(secret: str, identity: str, timestamp: int, body: bytes, expected: str) -> None:
    assert standard_signature([secret], identity, timestamp, body) == expected


@pytest.mark.parametrize(
    "secret", ["plain-text-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"]
)
def test_the_reference_library_verifies_the_shown_form(secret: str) -> None:
    timestamp = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "one",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": standard_signature(["another-secret", secret], "one", timestamp, b'{"a":1}'),
    }
    assert Webhook(whsec(secret)).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(whsec(secret)).verify(b'{"a":2}', headers)


def test_plain_secrets_key_with_their_own_bytes() -> None:
    assert signing_key("abc") == b"abc"
