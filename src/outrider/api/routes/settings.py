"""`/v2/manage/settings`: the tenant's limits."""

from __future__ import annotations

from litestar import Router, get, put

from outrider.api import views
from outrider.api.admission import CHANGES_AND_READS
from outrider.api.models.settings import Settings
from outrider.app.services import Services
from outrider.app.settings import SettingsInput


@get("/", operation_id="getSettings", summary="Read the tenant's limits")
async def get_settings(tenant: str, services: Services) -> Settings:
    return views.settings(services.settings.of(tenant))


@put(
    "/",
    operation_id="changeSettings",
    summary="Change the limits that the body names; null takes the default",
    description="Webhooks that break a new limit may stay, and change otherwise.",
    scopes=CHANGES_AND_READS,
)
async def change_settings(tenant: str, services: Services, data: SettingsInput) -> Settings:
    return views.settings(await services.settings.change(tenant, data))


router = Router("/v2/manage/settings", route_handlers=[get_settings, change_settings], tags=["Settings"])
