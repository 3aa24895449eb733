"""`/v2/manage/webhooks`: LoginRadius' six calls and our fields of the same object.

Always 200 with JSON; `/events` comes before `/{id}`. Source: LoginRadius' SDKs 11.7.0.
"""

from __future__ import annotations

from litestar import Router, delete, get, post, put

from outrider import catalog
from outrider.api import parameters, views
from outrider.api.admission import CHANGES_AND_READS
from outrider.api.models.common import Deleted
from outrider.api.models.webhooks import EventNameList, TestResult, Webhook, WebhookList
from outrider.api.openapi.call import Demand
from outrider.api.refusals import NAME_TAKEN, NO_WEBHOOK, TARGET, TOO_MANY, UNKNOWN_EVENT, URL_TAKEN
from outrider.api.wording import ClientSafe
from outrider.app.services import Services
from outrider.app.trials import TrialInput
from outrider.app.webhooks import WebhookInput

_NEW = Demand("WebhookCreation", ("TargetUrl",))


@post(
    "/",
    status_code=200,
    operation_id="createWebhook",
    summary="Create a webhook",
    description="`TargetUrl`, and `Event` or `Events`, are required. What cannot be honoured is refused.",
    demand=_NEW,
    refusals=(UNKNOWN_EVENT, TARGET, TOO_MANY, NAME_TAKEN, URL_TAKEN),
)
async def create_webhook(tenant: str, services: Services, data: WebhookInput) -> Webhook:
    created = await services.webhooks.create(tenant, data)
    return views.webhook(created, await services.webhooks.healths(tenant))


@get("/", operation_id="listWebhooks", summary="List webhooks")
async def list_webhooks(tenant: str, services: Services) -> WebhookList:
    healths = await services.webhooks.healths(tenant)
    return WebhookList([views.webhook(w, healths) for w in services.webhooks.all(tenant)])


@get("/events", operation_id="listWebhookEvents", summary="List the names a webhook may subscribe to")
async def list_webhook_events(tenant: str) -> EventNameList:
    return EventNameList(catalog.names())


@get("/{webhook_id:str}", operation_id="getWebhook", summary="Read a webhook", refusals=(NO_WEBHOOK,))
async def get_webhook(tenant: str, services: Services, webhook_id: parameters.WebhookId) -> Webhook:
    return views.webhook(services.webhooks.get(tenant, webhook_id), await services.webhooks.healths(tenant))


@put(
    "/{webhook_id:str}",
    operation_id="updateWebhook",
    summary="Change what the body names of a webhook",
    scopes=CHANGES_AND_READS,
    refusals=(NO_WEBHOOK, UNKNOWN_EVENT, TARGET, TOO_MANY, NAME_TAKEN, URL_TAKEN),
)
async def update_webhook(
    tenant: str, services: Services, webhook_id: parameters.WebhookId, data: WebhookInput
) -> Webhook:
    updated = await services.webhooks.update(tenant, webhook_id, data)
    return views.webhook(updated, await services.webhooks.healths(tenant))


@post(
    "/{webhook_id:str}/pause",
    status_code=200,
    operation_id="pauseWebhook",
    summary="Keep what a webhook is owed",
    scopes=CHANGES_AND_READS,
    refusals=(NO_WEBHOOK,),
)
async def pause_webhook(tenant: str, services: Services, webhook_id: parameters.WebhookId) -> Webhook:
    return await _enable(tenant, services, webhook_id, enabled=False)


@post(
    "/{webhook_id:str}/resume",
    status_code=200,
    operation_id="resumeWebhook",
    summary="Send what a webhook is owed",
    scopes=CHANGES_AND_READS,
    refusals=(NO_WEBHOOK,),
)
async def resume_webhook(tenant: str, services: Services, webhook_id: parameters.WebhookId) -> Webhook:
    return await _enable(tenant, services, webhook_id, enabled=True)


async def _enable(tenant: str, services: Services, webhook: str, *, enabled: bool) -> Webhook:
    updated = await services.webhooks.update(tenant, webhook, WebhookInput(Enabled=enabled))
    return views.webhook(updated, await services.webhooks.healths(tenant))


@post(
    "/{webhook_id:str}/test",
    status_code=200,
    operation_id="testWebhook",
    summary="Make one attempt with a sample, and answer with what came of it",
    description="It is made also to a webhook that is not enabled, and leaves no trace in the ledger.",
    scopes=CHANGES_AND_READS,
    refusals=(NO_WEBHOOK, UNKNOWN_EVENT),
)
async def test_webhook(
    tenant: str, services: Services, webhook_id: parameters.WebhookId, data: TrialInput
) -> TestResult:
    done = await services.trials.send(tenant, webhook_id, data)
    return views.trial(done, services.webhooks.plain_headers(tenant, webhook_id))


@delete(
    "/{webhook_id:str}",
    status_code=200,
    operation_id="deleteWebhook",
    summary="Delete a webhook; what it is owed is cancelled",
    refusals=(NO_WEBHOOK,),
)
async def delete_webhook(tenant: str, services: Services, webhook_id: parameters.WebhookId) -> Deleted:
    await services.webhooks.delete(tenant, webhook_id)
    return Deleted(IsDeleted=True)


router = Router(
    "/v2/manage/webhooks",
    route_handlers=[
        create_webhook,
        list_webhooks,
        list_webhook_events,
        get_webhook,
        update_webhook,
        pause_webhook,
        resume_webhook,
        test_webhook,
        delete_webhook,
    ],
    response_class=ClientSafe,
    tags=["Webhooks"],
)
