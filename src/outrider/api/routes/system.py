"""`/v2/manage/system`: the processes, what is owed, and warnings."""

from __future__ import annotations

from typing import Any

from litestar import Router, get

from outrider.api import views
from outrider.app.services import Services


@get("/")
async def get_system(tenant: str, services: Services) -> dict[str, Any]:
    return views.condition(await services.system.condition())


router = Router("/v2/manage/system", route_handlers=[get_system])
