"""Preparing and signing the one request of an attempt.

Headers: LoginRadius' (`signature`, `request-id`, `request-context`), Standard Webhooks' three, the webhook's
authentication, then its own headers.
"""

from __future__ import annotations

from base64 import b64encode

from outrider import __version__
from outrider.domain.model import Authentication, AuthType, Delivery, TenantBook, Webhook
from outrider.domain.signing import loginradius_signature, standard_signature
from outrider.domain.target import with_query
from outrider.ports.sender import Request
from outrider.ports.vault import Vault

USER_AGENT = f"Outrider/{__version__}"


def signing_secrets(book: TenantBook, webhook: Webhook, vault: Vault, now: int) -> list[str]:
    """The secrets in clear that sign now, current one first. Raises Unsealable or LookupError: ours."""
    tenant = book.tenant
    if not webhook.secret:
        return [vault.unseal(tenant.api_secret, f"tenant/{tenant.id}/api-secret")]
    secret = book.secrets[webhook.secret.lower()]
    return [
        vault.unseal(version.sealed, f"secret/{secret.id}")
        for version in secret.versions
        if version.valid_until is None or version.valid_until > now
    ]


def build(
    delivery: Delivery, webhook: Webhook, book: TenantBook, vault: Vault, *, now: int, nonce: bytes, timeout_ms: int
) -> Request:
    """The complete request of attempt number `delivery.attempts + 1`. `nonce` is 4 random bytes."""
    secrets = signing_secrets(book, webhook, vault, now)
    timestamp = now // 1000
    number = delivery.attempts + 1
    headers = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", USER_AGENT),
        ("request-context", f"appId=cid-v1:{delivery.tenant}"),
        ("request-id", f"|{delivery.event.replace('-', '')}.{nonce.hex()}_{number}."),
        ("signature", loginradius_signature(secrets[0], delivery.body)),
        ("webhook-id", delivery.event),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", standard_signature(secrets, delivery.event, timestamp, delivery.body)),
    ]
    if webhook.authentication is not None:
        headers.append(("authorization", _authorization(webhook, webhook.authentication, vault)))
    headers += (webhook.headers or {}).items()
    return Request(with_query(webhook.target_url, webhook.query_params), tuple(headers), delivery.body, timeout_ms)


def _authorization(webhook: Webhook, authentication: Authentication, vault: Vault) -> str:
    """RFC 6750 bearer or RFC 7617 basic credentials."""
    credential = vault.unseal(authentication.sealed, f"webhook/{webhook.id}/credential")
    if authentication.kind is AuthType.BEARER:
        return f"Bearer {credential}"
    pair = f"{authentication.username}:{credential}".encode()
    return f"Basic {b64encode(pair).decode()}"
