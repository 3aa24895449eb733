"""`/v2/manage/event-types`: the catalogue, with the schema and a sample of each payload."""

from __future__ import annotations

from typing import Any

from litestar import Router, get

from outrider import catalog
from outrider.api import views
from outrider.domain.errors import NotFound


@get("/")
async def list_event_types(tenant: str) -> dict[str, Any]:
    return {"Data": [views.event_type(t) for t in catalog.all_types()]}


@get("/{name:str}")
async def get_event_type(tenant: str, name: str) -> dict[str, Any]:
    found = catalog.find(name)
    if found is None:
        raise NotFound("event type", name[:60])
    return views.event_type(found) | {
        "Schema": found.schema(),
        "Sample": found.sample(),
        "Samples": found.samples(),
    }


router = Router("/v2/manage/event-types", route_handlers=[list_event_types, get_event_type])
