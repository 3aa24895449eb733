"""The signatures every request carries.

`signature` is LoginRadius': HMAC-SHA256 over the exact body, keyed with the secret's text, upper-case hex.
`webhook-signature` is Standard Webhooks 1.0.0: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"


def signing_key(secret: str) -> bytes:
    """The Standard Webhooks key of a secret: what follows `whsec_` decoded, else the text's own bytes."""
    if secret.startswith(PREFIX):
        try:
            return b64decode(secret[len(PREFIX) :], validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def whsec(secret: str) -> str:
    """The form of the secret that a Standard Webhooks library takes."""
    return PREFIX + b64encode(signing_key(secret)).decode()


def loginradius_signature(secret: str, body: bytes) -> str:
    """The value of the `signature` header: 64 upper-case hex digits."""
    return hmac.digest(secret.encode(), body, "sha256").hex().upper()


def standard_signature(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1` token for each valid secret, current one first.

    `timestamp` is in whole Unix seconds, of the attempt.
    """
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join(
        "v1," + b64encode(hmac.digest(signing_key(secret), content, "sha256")).decode() for secret in secrets
    )
