"""`/health` and the OpenAPI documents: what this process says of itself, to everybody."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, Router, get

from outrider.api.models.common import Health, Life
from outrider.api.openapi.document import served, served_older
from outrider.domain.readiness import Unready

HEALTH = "/health"


@get(
    HEALTH,
    operation_id="getHealth",
    summary="Say whether an event would be accepted now",
    description="200 either way; `GET /health/ready` says it by its status.",
)
async def get_health(unready: list[Unready]) -> Health:
    return Health(Ready=not unready, Reasons=unready)


@get(f"{HEALTH}/live", operation_id="getLiveness", summary="Say that the process and its event loop go on")
async def get_liveness() -> Life:
    return Life(Alive=True)


@get(
    f"{HEALTH}/ready",
    operation_id="getReadiness",
    summary="Say by the status whether an event would be accepted now",
    description="For balancers, by GET or HEAD. A trial commit at most once a second tells it, however many ask.",
    otherwise={503: "An event would not be accepted now: send it to another process, or here later."},
)
async def get_readiness(unready: list[Unready]) -> Response[Health]:
    return Response(Health(Ready=not unready, Reasons=unready), status_code=503 if unready else 200)


@get("/openapi.json", operation_id="getOpenApi", summary="Read this document")
async def get_openapi(request: Request[Any, Any, Any]) -> msgspec.Raw:
    return await asyncio.to_thread(served, request.app)  # made when somebody first asks


@get("/openapi-3.0.json", operation_id="getOlderOpenApi", summary="Read this document in OpenAPI 3.0.3")
async def get_older_openapi(request: Request[Any, Any, Any]) -> msgspec.Raw:
    return await asyncio.to_thread(served_older, request.app)


router = Router(
    "/",
    route_handlers=[get_health, get_liveness, get_readiness, get_openapi, get_older_openapi],
    tags=["Service"],
    opt={"open": True},
)
