"""The signatures every request carries.

`signature` is LoginRadius': HMAC-SHA256 over the exact body, keyed with the secret's text, upper-case hex.
`webhook-signature` is Standard Webhooks 1.0.0: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from binascii import b2a_base64
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


class Signer:
    """The secrets that sign now, current one first, each keyed once: a signature copies the keyed state."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._loginradius = hmac.new(secrets[0].encode(), digestmod="sha256")
        self._standard = [hmac.new(signing_key(secret), digestmod="sha256") for secret in secrets]

    def loginradius(self, body: bytes) -> str:
        """The value of the `signature` header: 64 upper-case hex digits."""
        mac = self._loginradius.copy()
        mac.update(body)
        return mac.hexdigest().upper()

    def standard(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The value of `webhook-signature`: one `v1` token for each secret.

        `timestamp` is in whole Unix seconds, of the attempt.
        """
        content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
        tokens = []
        for keyed in self._standard:
            mac = keyed.copy()
            mac.update(content)
            tokens.append("v1," + b2a_base64(mac.digest(), newline=False).decode())
        return " ".join(tokens)


def loginradius_signature(secret: str, body: bytes) -> str:
    """One `signature`, for those who check it."""
    return Signer([secret]).loginradius(body)


def standard_signature(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """One `webhook-signature`, for those who check it."""
    return Signer(secrets).standard(message_id, timestamp, body)
