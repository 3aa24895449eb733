"""Preparing and signing the one request of an attempt.

Headers: those every request to the webhook has (`request-context`, its authentication, its own), then those of this
one: LoginRadius' (`request-id`, `signature`) and Standard Webhooks' three.
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from outrider import __version__
from outrider.domain.model import Authentication, AuthType, Delivery, TenantBook, Webhook
from outrider.domain.redaction import mask_headers
from outrider.domain.signing import Signer
from outrider.domain.target import shown_url, with_query
from outrider.ports.sender import Request
from outrider.ports.vault import Vault

USER_AGENT = f"Outrider/{__version__}"


class Template(msgspec.Struct, frozen=True):
    """What requests to one webhook have in common, good until `until` of the configuration it was made from.

    `shown_url` and `shown` are for the ledger, credentials masked.
    """

    book: TenantBook
    signer: Signer
    until: int | None
    url: str
    fixed: tuple[tuple[str, str], ...]
    shown_url: str
    shown: tuple[tuple[str, str], ...]

    def holds(self, book: TenantBook, now: int) -> bool:
        return self.book is book and (self.until is None or now < self.until)


def template(webhook: Webhook, book: TenantBook, vault: Vault, now: int) -> Template:
    """Raises Unsealable or LookupError when the webhook's secrets are not to be had: our fault."""
    signer, until = _signer(book, webhook, vault, now)
    fixed = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", USER_AGENT),
        ("request-context", f"appId=cid-v1:{webhook.tenant}"),
    ]
    if webhook.authentication is not None:
        fixed.append(("authorization", _authorization(webhook, webhook.authentication, vault)))
    fixed += (webhook.headers or {}).items()
    url = with_query(webhook.target_url, webhook.query_params)
    return Template(book, signer, until, url, tuple(fixed), shown_url(url), mask_headers(tuple(fixed)))


def _signer(book: TenantBook, webhook: Webhook, vault: Vault, now: int) -> tuple[Signer, int | None]:
    """With the secrets that sign now, and the instant the first of them stops to."""
    tenant = book.tenant
    if not webhook.secret:
        return Signer([vault.unseal(tenant.api_secret, f"tenant/{tenant.id}/api-secret")]), None
    secret = book.secrets[webhook.secret.lower()]
    valid = [v for v in secret.versions if v.valid_until is None or v.valid_until > now]
    ends = [v.valid_until for v in valid if v.valid_until is not None]
    return Signer([vault.unseal(v.sealed, f"secret/{secret.id}") for v in valid]), min(ends, default=None)


def build(delivery: Delivery, common: Template, *, now: int, nonce: bytes, timeout_ms: int) -> Request:
    """The complete request of attempt number `delivery.attempts + 1`. `nonce` is 4 random bytes."""
    timestamp = now // 1000
    event, body = delivery.event, delivery.body
    headers = (
        ("request-id", f"|{event.replace('-', '')}.{nonce.hex()}_{delivery.attempts + 1}."),
        ("signature", common.signer.loginradius(body)),
        ("webhook-id", event),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", common.signer.standard(event, timestamp, body)),
    )
    return Request(common.url, headers, body, timeout_ms, common.fixed)


def _authorization(webhook: Webhook, authentication: Authentication, vault: Vault) -> str:
    """RFC 6750 bearer or RFC 7617 basic credentials."""
    credential = vault.unseal(authentication.sealed, f"webhook/{webhook.id}/credential")
    if authentication.kind is AuthType.BEARER:
        return f"Bearer {credential}"
    pair = f"{authentication.username}:{credential}".encode()
    return f"Basic {b64encode(pair).decode()}"
