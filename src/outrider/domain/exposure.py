"""What may be shown of the requests to a webhook: custom headers and query parameters are secret by rule.

Which names carry credentials cannot be guessed from words in them. So every value is masked, but those of a short
list of harmless names and of the names that the webhook's owner marks as plain. Names themselves are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from outrider.domain.model import Webhook
from outrider.domain.redaction import MASK, PLAIN_NAMES, folded

# Of every request, and without a credential: a signature holds for one body.
_OURS = frozenset(
    """accept accept-encoding content-type user-agent request-context request-id signature webhook-id
    webhook-timestamp webhook-signature""".split()
)
_AUTHORIZATION = "authorization"


def secret_headers(webhook: Webhook) -> dict[str, str]:
    """The webhook's custom headers with a secret value, as they are sent."""
    return _secret(webhook.headers, webhook.plain_headers)


def secret_params(webhook: Webhook) -> dict[str, str]:
    """Its query parameters with a secret value, as they are given."""
    return _secret(webhook.query_params, webhook.plain_params)


def shown_headers(webhook: Webhook) -> dict[str, str] | None:
    """All of its custom headers, secret values masked."""
    return _masked(webhook.headers, secret_headers(webhook))


def shown_params(webhook: Webhook) -> dict[str, str] | None:
    """All of its query parameters, secret values masked."""
    return _masked(webhook.query_params, secret_params(webhook))


def mask_headers(headers: Iterable[tuple[str, str]], plain: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The headers of a request as the ledger keeps and shows them, whose owner marks `plain` names. What is masked
    already stays as it is; an authorization keeps its scheme."""
    shown = _OURS | PLAIN_NAMES | {folded(name) for name in plain}
    return tuple(
        (name, value if folded(name) in shown or not value else _mask(name, value)) for name, value in headers
    )


def _mask(name: str, value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if name.lower() == _AUTHORIZATION and space else MASK


def _secret(values: dict[str, str] | None, marked: Collection[str]) -> dict[str, str]:
    """An empty value keeps nothing secret."""
    plain = PLAIN_NAMES | {folded(name) for name in marked}
    return {name: value for name, value in (values or {}).items() if value and folded(name) not in plain}


def _masked(values: dict[str, str] | None, secret: Collection[str]) -> dict[str, str] | None:
    return values and {name: MASK if name in secret else value for name, value in values.items()}
