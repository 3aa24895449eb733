"""`/api/v2/webhook`: LoginRadius' older webhook API, on the same webhooks.

Always 200 with JSON; unsubscribing is a DELETE with a JSON body. Source: LoginRadius' SDKs up to 11.6.0.
"""

from __future__ import annotations

import msgspec
from litestar import Router, delete, get, post

from outrider.api.wording import ClientSafe
from outrider.app.services import Services
from outrider.app.subscriptions import SubscriptionInput


class Posted(msgspec.Struct, frozen=True):
    IsPosted: bool


class Allowed(msgspec.Struct, frozen=True):
    IsAllowed: bool


class Unsubscribed(msgspec.Struct, frozen=True):
    IsDeleted: bool


class SubscribedUrl(msgspec.Struct, frozen=True):
    TargetUrl: str
    Event: str


class SubscribedUrls(msgspec.Struct, frozen=True):
    """LoginRadius' spelling: `data` in lower case here, and a count."""

    data: list[SubscribedUrl]
    Count: int


@post("/", status_code=200)
async def subscribe(tenant: str, services: Services, data: SubscriptionInput) -> Posted:
    """Send an event type to a URL."""
    await services.subscriptions.subscribe(tenant, data)
    return Posted(IsPosted=True)


@get("/")
async def list_subscribed_urls(tenant: str, services: Services, event: str | None = None) -> SubscribedUrls:
    """The URLs an event type goes to."""
    found = services.subscriptions.of(tenant, event)
    urls = [SubscribedUrl(TargetUrl=one.target_url, Event=one.event) for one in found]
    return SubscribedUrls(data=urls, Count=len(urls))


@get("/test")
async def test_permission(tenant: str) -> Allowed:
    """Whether these credentials may use webhooks; sends nothing."""
    return Allowed(IsAllowed=True)


@delete("/", status_code=200)
async def unsubscribe(tenant: str, services: Services, data: SubscriptionInput) -> Unsubscribed:
    """Send an event type to a URL no longer."""
    await services.subscriptions.unsubscribe(tenant, data)
    return Unsubscribed(IsDeleted=True)


router = Router(
    "/api/v2/webhook",
    route_handlers=[subscribe, list_subscribed_urls, test_permission, unsubscribe],
    response_class=ClientSafe,
)
