"""The rules of a tenant's settings for a webhook beside its others.

A rule looks at what a change makes new: what broke it before may stay. Limits, codes and the rules for names are
LoginRadius'; their scope (per event, and per event and URL) is stated nowhere and follows its unsubscribing,
which names a webhook by event and URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from outrider.domain.errors import CallerError, Conflict, InvalidField
from outrider.domain.model import TenantBook, TenantSettings, Webhook
from outrider.domain.news import SYSTEM_EVENTS
from outrider.domain.target import same_target

NAME_TAKEN = 7987
TOO_MANY = 1085
URL_TAKEN = 7989
MOST_WEBHOOKS = 10_000  # the greatest limits a tenant may set
MOST_CALLS = 10_000.0
MOST_KEYS = MOST_SECRETS = 1_000  # of a tenant: every process holds its whole configuration
MOST_VERSIONS = 10  # of a secret that are valid together: each one signs every request
MOST_OF_SYSTEM = 100  # webhooks of a System event: those are fanned out between two deliveries, not by intake
_LOGINRADIUS_NAME = re.compile(r"[A-Za-z0-9_ -]{1,24}")


def check(webhook: Webhook, before: Webhook | None, book: TenantBook, settings: TenantSettings) -> None:
    """Raises CallerError where saving `webhook` in the place of `before` would break a rule of `settings`."""
    if before is None or webhook.name != before.name:
        _check_name(webhook, book, settings)
    added = [event for event in webhook.events if before is None or event not in before.events]
    for event in added:
        most = min(settings.webhooks_per_event, MOST_OF_SYSTEM if event in SYSTEM_EVENTS else MOST_WEBHOOKS)
        if len(_others(webhook, event, book)) >= most:
            raise _too_many(event, most)
    if settings.unique_target_url:
        moved = before is None or not same_target(webhook.target_url, before.target_url)
        _check_target(webhook, webhook.events if moved else added, book)


def _check_name(webhook: Webhook, book: TenantBook, settings: TenantSettings) -> None:
    name = webhook.name
    if settings.loginradius_names and not _LOGINRADIUS_NAME.fullmatch(name):
        expected = (
            "1 to 24 letters, digits, underscores, hyphens or spaces (this tenant's setting LoginRadiusNames)"
        )
        raise InvalidField("Name", expected, name[:60] or "nothing")
    lowered = name.lower()
    if name and any(w.name.lower() == lowered for w in book.webhooks.values() if w.id != webhook.id):
        raise Conflict("Name", "a name no other webhook has", name, code=NAME_TAKEN)


def _check_target(webhook: Webhook, events: Iterable[str], book: TenantBook) -> None:
    for event in events:
        for other in _others(webhook, event, book):
            if same_target(other.target_url, webhook.target_url):
                expected = f"a URL that no other webhook of {event} has"
                raise Conflict("TargetUrl", expected, f"that of webhook {other.id}", code=URL_TAKEN)


def _others(webhook: Webhook, event: str, book: TenantBook) -> list[Webhook]:
    return [other for other in book.by_event.get(event, ()) if other.id != webhook.id]


def _too_many(event: str, most: int) -> CallerError:
    expected = f"at most {most} webhooks of {event}"
    way_out = "" if most == MOST_OF_SYSTEM and event in SYSTEM_EVENTS else " or raise the setting WebhooksPerEvent"
    return CallerError(
        "Number of Webhook subscriptions exceed to limit",
        f"Event: expected {expected}, given one more; delete one first{way_out}",
        code=TOO_MANY,
        status=403,
        field="Event",
        expected=expected,
        given="one more",
    )
