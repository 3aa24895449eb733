"""`/api/v2/webhook`: LoginRadius' legacy webhook API, on the same webhooks.

Always 200 with JSON; unsubscribing is a DELETE with a JSON body. Source: LoginRadius' SDKs up to 11.6.0.
"""

from __future__ import annotations

from litestar import Router, delete, get, post

from outrider.api import parameters
from outrider.api.models.common import Deleted
from outrider.api.models.legacy import Allowed, Posted, SubscribedUrl, SubscribedUrlList
from outrider.api.openapi.call import Demand
from outrider.api.refusals import NOT_SUBSCRIBED, TARGET, TOO_MANY, UNKNOWN_EVENT, URL_TAKEN
from outrider.api.wording import ClientSafe
from outrider.app.services import Services
from outrider.app.subscriptions import SubscriptionInput

_BOTH = Demand("Subscription", ("TargetUrl", "Event"))


@post(
    "/",
    status_code=200,
    operation_id="subscribeUrl",
    summary="Send an event type to a URL",
    description="Makes a webhook without a name. An event type goes to a URL once only, whatever the settings say.",
    demand=_BOTH,
    refusals=(UNKNOWN_EVENT, TARGET, TOO_MANY, URL_TAKEN),
)
async def subscribe_url(tenant: str, services: Services, data: SubscriptionInput) -> Posted:
    await services.subscriptions.subscribe(tenant, data)
    return Posted(IsPosted=True)


@get(
    "/",
    operation_id="listSubscribedUrls",
    summary="List the URLs an event type goes to",
    required=("event",),
    refusals=(UNKNOWN_EVENT,),
)
async def list_subscribed_urls(
    tenant: str, services: Services, event: parameters.OfLegacyEventType = None
) -> SubscribedUrlList:
    found = services.subscriptions.of(tenant, event)
    urls = [SubscribedUrl(TargetUrl=one.target_url, Event=one.event) for one in found]
    return SubscribedUrlList(data=urls, Count=len(urls))


@get(
    "/test",
    operation_id="testPermission",
    summary="Say whether these credentials may use webhooks; nothing is sent",
)
async def test_permission(tenant: str) -> Allowed:
    return Allowed(IsAllowed=True)


@delete(
    "/",
    status_code=200,
    operation_id="unsubscribeUrl",
    summary="Send an event type to a URL no longer",
    description="A webhook of several event types keeps the others; one of no other is deleted.",
    demand=_BOTH,
    refusals=(UNKNOWN_EVENT, TARGET, NOT_SUBSCRIBED),
)
async def unsubscribe_url(tenant: str, services: Services, data: SubscriptionInput) -> Deleted:
    await services.subscriptions.unsubscribe(tenant, data)
    return Deleted(IsDeleted=True)


router = Router(
    "/api/v2/webhook",
    route_handlers=[subscribe_url, list_subscribed_urls, test_permission, unsubscribe_url],
    response_class=ClientSafe,
    tags=["Legacy API"],
)
