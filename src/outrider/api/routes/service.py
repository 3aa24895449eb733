"""`/health` and the OpenAPI documents: what this process says of itself, to everybody."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Router, get

from outrider.api.models.common import Health
from outrider.api.openapi.document import served, served_older


@get("/health", operation_id="getHealth", summary="Say whether this process delivers")
async def get_health(ready: bool) -> Health:
    return Health(Ready=ready)


@get("/openapi.json", operation_id="getOpenApi", summary="Read this document")
async def get_openapi(request: Request[Any, Any, Any]) -> msgspec.Raw:
    return served(request.app)


@get("/openapi-3.0.json", operation_id="getOlderOpenApi", summary="Read this document in OpenAPI 3.0.3")
async def get_older_openapi(request: Request[Any, Any, Any]) -> msgspec.Raw:
    return served_older(request.app)


router = Router(
    "/", route_handlers=[get_health, get_openapi, get_older_openapi], tags=["Service"], opt={"open": True}
)
