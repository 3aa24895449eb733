"""`/health` and `/openapi.json`: what this process says of itself, to everybody."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Router, get

from outrider.api.models.common import Health
from outrider.api.openapi.document import served


@get("/health", operation_id="getHealth", summary="Say whether this process delivers")
async def get_health(ready: bool) -> Health:
    return Health(Ready=ready)


@get("/openapi.json", operation_id="getOpenApi", summary="Read this document")
async def get_openapi(request: Request[Any, Any, Any]) -> msgspec.Raw:
    return served(request.app)


router = Router("/", route_handlers=[get_health, get_openapi], tags=["Service"], opt={"open": True})
