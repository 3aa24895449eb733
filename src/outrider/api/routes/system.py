"""`/v2/manage/system`: the processes, what is owed, and warnings."""

from __future__ import annotations

from litestar import Router, get

from outrider.api import views
from outrider.api.models.system import System
from outrider.app.services import Services


@get("/", operation_id="getSystem", summary="Say how the whole is: processes, what is owed, warnings")
async def get_system(tenant: str, services: Services) -> System:
    return views.condition(await services.system.condition(tenant))


router = Router("/v2/manage/system", route_handlers=[get_system], tags=["Service"])
