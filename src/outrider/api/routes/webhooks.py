"""`/v2/manage/webhooks`: LoginRadius' six calls and our fields of the same object.

Always 200 with JSON; `/events` comes before `/{id}`. Source: LoginRadius' SDKs 11.7.0.
"""

from __future__ import annotations

from typing import Any

from litestar import Router, delete, get, post, put

from outrider import catalog
from outrider.api import views
from outrider.api.wording import ClientSafe
from outrider.app.services import Services
from outrider.app.trials import TrialInput
from outrider.app.webhooks import WebhookInput


@post("/", status_code=200)
async def create_webhook(tenant: str, services: Services, data: WebhookInput) -> dict[str, Any]:
    created = await services.webhooks.create(tenant, data)
    return views.webhook(created, await services.webhooks.healths(tenant))


@get("/")
async def list_webhooks(tenant: str, services: Services) -> dict[str, Any]:
    healths = await services.webhooks.healths(tenant)
    return {"Data": [views.webhook(w, healths) for w in services.webhooks.all(tenant)]}


@get("/events")
async def list_webhook_events(tenant: str) -> dict[str, Any]:
    """Every name a webhook may subscribe to."""
    return {"Data": catalog.names()}


@get("/{webhook_id:str}")
async def get_webhook(tenant: str, services: Services, webhook_id: str) -> dict[str, Any]:
    return views.webhook(services.webhooks.get(tenant, webhook_id), await services.webhooks.healths(tenant))


@put("/{webhook_id:str}")
async def update_webhook(tenant: str, services: Services, webhook_id: str, data: WebhookInput) -> dict[str, Any]:
    updated = await services.webhooks.update(tenant, webhook_id, data)
    return views.webhook(updated, await services.webhooks.healths(tenant))


@post("/{webhook_id:str}/pause", status_code=200)
async def pause_webhook(tenant: str, services: Services, webhook_id: str) -> dict[str, Any]:
    """What it is owed waits."""
    return await _enable(tenant, services, webhook_id, enabled=False)


@post("/{webhook_id:str}/resume", status_code=200)
async def resume_webhook(tenant: str, services: Services, webhook_id: str) -> dict[str, Any]:
    return await _enable(tenant, services, webhook_id, enabled=True)


async def _enable(tenant: str, services: Services, webhook: str, *, enabled: bool) -> dict[str, Any]:
    updated = await services.webhooks.update(tenant, webhook, WebhookInput(Enabled=enabled))
    return views.webhook(updated, await services.webhooks.healths(tenant))


@post("/{webhook_id:str}/test", status_code=200)
async def test_webhook(tenant: str, services: Services, webhook_id: str, data: TrialInput) -> dict[str, Any]:
    """One attempt with a sample, its answer at once."""
    return views.trial(await services.trials.send(tenant, webhook_id, data))


@delete("/{webhook_id:str}", status_code=200)
async def delete_webhook(tenant: str, services: Services, webhook_id: str) -> dict[str, Any]:
    await services.webhooks.delete(tenant, webhook_id)
    return {"IsDeleted": True}


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
)
