"""Preparing and signing the one request of an attempt.

Headers: those every request to the webhook has (`request-context`, its authentication, its own), then those of this
one: LoginRadius' (`request-id`, `signature`) and Standard Webhooks' three.
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from outrider import __version__
from outrider.domain.echo import EchoMask, request_secrets
from outrider.domain.errors import Unreadable
from outrider.domain.exposure import mask_headers
from outrider.domain.model import Authentication, AuthType, Delivery, TenantBook, Webhook
from outrider.domain.signing import PREFIX, Signer, whsec
from outrider.domain.target import shown_url, with_query
from outrider.ports.sender import Request
from outrider.ports.vault import Unsealable, Vault

USER_AGENT = f"Outrider/{__version__}"


class Template(msgspec.Struct, frozen=True):
    """What requests to one webhook have in common, good until `until` of the configuration it was made from.

    `shown_url` and `shown` are for the ledger, credentials masked. `secrets` are the plain values of all that is
    secret about its requests, and `echo` masks them in answers.
    """

    book: TenantBook
    signer: Signer
    until: int | None
    url: str
    fixed: tuple[tuple[str, str], ...]
    shown_url: str
    shown: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    echo: EchoMask

    def holds(self, book: TenantBook, now: int) -> bool:
        return self.book is book and (self.until is None or now < self.until)


def template(webhook: Webhook, book: TenantBook, vault: Vault, now: int) -> Template:
    """Raises Unsealable or LookupError when the webhook's secrets are not to be had: our fault."""
    if not webhook.target_url:
        raise Unsealable(f"webhook {webhook.id} did not open")
    signing, until = _signing_secrets(book, webhook, vault, now)
    fixed = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", USER_AGENT),
        ("request-context", f"appId=cid-v1:{webhook.tenant}"),
    ]
    secrets = [
        form for secret in signing for form in (secret.removeprefix(PREFIX), whsec(secret).removeprefix(PREFIX))
    ]
    if webhook.authentication is not None:
        value, credentials = _authorization(webhook, webhook.authentication, vault)
        fixed.append(("authorization", value))
        secrets += credentials
    own = tuple((webhook.headers or {}).items())
    url = with_query(webhook.target_url, webhook.query_params)
    secrets += request_secrets(webhook)
    sent = (*fixed, *own)
    return Template(
        book=book,
        signer=Signer(signing),
        until=until,
        url=url,
        fixed=sent,
        shown_url=shown_url(url),
        shown=mask_headers(sent, webhook.plain_headers),
        secrets=tuple(secrets),
        echo=EchoMask(secrets),
    )


def _signing_secrets(book: TenantBook, webhook: Webhook, vault: Vault, now: int) -> tuple[list[str], int | None]:
    """Those that sign now, current one first, and the instant the first of them stops to."""
    tenant = book.tenant
    if not webhook.secret:
        return [vault.unseal(tenant.api_secret, f"tenant/{tenant.id}/api-secret")], None
    secret = book.secrets[webhook.secret.lower()]
    valid = [v for v in secret.versions if v.valid_until is None or v.valid_until > now]
    ends = [v.valid_until for v in valid if v.valid_until is not None]
    return [vault.unseal(v.sealed, f"secret/{secret.id}") for v in valid], min(ends, default=None)


def build(delivery: Delivery, common: Template, *, now: int, nonce: bytes, timeout_ms: int) -> Request:
    """The complete request of attempt number `delivery.attempts + 1`. `now` is wall time: receivers compare the
    timestamp with their own. `nonce` is 4 random bytes. Raises Unreadable when the delivery has no body."""
    timestamp = now // 1000
    event, body = delivery.event, delivery.body
    if body is None:
        raise Unreadable("the event's body is not in the store any more")
    headers = (
        ("request-id", f"|{event.replace('-', '')}.{nonce.hex()}_{delivery.attempts + 1}."),
        ("signature", common.signer.loginradius(body)),
        ("webhook-id", event),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", common.signer.standard(event, timestamp, body)),
    )
    return Request(common.url, headers, body, timeout_ms, common.fixed)


def _authorization(webhook: Webhook, authentication: Authentication, vault: Vault) -> tuple[str, list[str]]:
    """RFC 6750 bearer or RFC 7617 basic credentials: the header's value, and what of it is secret."""
    credential = vault.unseal(authentication.sealed, f"webhook/{webhook.id}/credential")
    if authentication.kind is AuthType.BEARER:
        return f"Bearer {credential}", [credential]
    pair = f"{authentication.username}:{credential}"
    coded = b64encode(pair.encode()).decode()
    return f"Basic {coded}", [credential, pair, coded]
