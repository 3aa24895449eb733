"""LoginRadius' older way of managing webhooks: a subscription is an event type and a URL, and nothing else.

Source: LoginRadius' SDKs up to 11.6.0, whose 21 event types and spellings these are.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from outrider import catalog
from outrider.app import fields
from outrider.app.webhooks import EVENT_INVALID, URL_INVALID, WebhookInput, Webhooks
from outrider.domain.errors import CallerError, InvalidField, NotFound
from outrider.domain.model import Webhook
from outrider.domain.target import check_target_url, same_target

NOT_SUBSCRIBED = 1112
SPELLINGS = tuple(
    """Login Register UpdateProfile ResetPassword ChangePassword emailVerification AddEmail RemoveEmail
    BlockAccount DeleteAccount SetUsername AssignRoles UnassignRoles SetPassword LinkAccount UnlinkAccount
    UpdatePhoneId VerifyPhoneNumber CreateCustomObject UpdateCustomobject DeleteCustomObject""".split()
)
_SPELLING = {kind.name: spelling for spelling in SPELLINGS if (kind := catalog.find(spelling)) is not None}


class SubscriptionInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both are required; optional here, so that what is absent is named with its own code."""

    TargetUrl: fields.TargetUrl | None = None
    Event: fields.LegacyEventTypeName | None = None


class Subscription(msgspec.Struct, frozen=True):
    """One event type going to one URL; `event` in the older spelling."""

    target_url: str
    event: str


class Subscriptions:
    """Works on the webhooks there are, whichever API made them."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def subscribe(self, tenant: str, given: SubscriptionInput) -> None:
        """A new webhook without a name. Raises Conflict when the event goes to the URL already."""
        event, url = _event(given.Event), _target(given.TargetUrl)
        await self._webhooks.create(tenant, WebhookInput(Event=event, TargetUrl=url), once=True)

    def of(self, tenant: str, event: str | None) -> list[Subscription]:
        """Where an event type goes, oldest webhook first."""
        name = _event(event)
        return [Subscription(webhook.target_url, _SPELLING[name]) for webhook in self._subscribed(tenant, name)]

    async def unsubscribe(self, tenant: str, given: SubscriptionInput) -> None:
        """The event goes to this URL no longer; a webhook of several event types keeps the others.

        Raises CallerError (1112) when it did not go there.
        """
        event, url = _event(given.Event), _target(given.TargetUrl)
        found = [w for w in self._subscribed(tenant, event) if same_target(w.target_url, url)]
        if not found:
            raise _not_subscribed(event)
        for webhook in found:
            with suppress(NotFound):  # somebody else deleted it meanwhile
                await self._webhooks.unsubscribe(tenant, webhook.id, event)

    def _subscribed(self, tenant: str, event: str) -> list[Webhook]:
        return [webhook for webhook in self._webhooks.all(tenant) if event in webhook.events]


def _event(given: str | None) -> str:
    """The canonical name."""
    kind = catalog.find(given or "")
    if kind is None or kind.name not in _SPELLING:
        expected = "an event type of LoginRadius' older API, such as Login or emailVerification"
        raise InvalidField("Event", expected, (given or "nothing")[:60], code=EVENT_INVALID)
    return kind.name


def _target(given: str | None) -> str:
    return check_target_url(given or "", code=URL_INVALID)


def _not_subscribed(event: str) -> CallerError:
    return CallerError(
        "Webhook target URL is not subscribed",
        f"TargetUrl: expected a URL that {event} goes to, given another",
        code=NOT_SUBSCRIBED,
        status=403,
        field="TargetUrl",
        expected=f"a URL that {event} goes to",
        given="another",
    )
