"""`/v2/manage/settings`: the tenant's limits."""

from __future__ import annotations

import msgspec
from litestar import Router, get, put

from outrider.app.services import Services
from outrider.app.settings import SettingsInput
from outrider.domain.model import TenantSettings


class SettingsView(msgspec.Struct, frozen=True):
    """`CallsPerSecond` is null for no limit."""

    WebhooksPerEvent: int
    UniqueTargetUrl: bool
    LoginRadiusNames: bool
    CallsPerSecond: float | None


def _shown(settings: TenantSettings) -> SettingsView:
    return SettingsView(
        WebhooksPerEvent=settings.webhooks_per_event,
        UniqueTargetUrl=settings.unique_target_url,
        LoginRadiusNames=settings.loginradius_names,
        CallsPerSecond=settings.calls_per_second,
    )


@get("/")
async def get_settings(tenant: str, services: Services) -> SettingsView:
    """The tenant's limits as they are."""
    return _shown(services.settings.of(tenant))


@put("/")
async def change_settings(tenant: str, services: Services, data: SettingsInput) -> SettingsView:
    """Change the limits that are named, keep the rest."""
    return _shown(await services.settings.change(tenant, data))


router = Router("/v2/manage/settings", route_handlers=[get_settings, change_settings])
