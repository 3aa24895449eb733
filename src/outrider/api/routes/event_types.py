"""`/v2/manage/event-types`: the catalogue, with the schema and a sample of each payload."""

from __future__ import annotations

from litestar import Router, get

from outrider import catalog
from outrider.api import parameters, views
from outrider.api.models.configuration import EventTypeDetail, EventTypeList
from outrider.api.refusals import NO_EVENT_TYPE
from outrider.domain.errors import NotFound


@get("/", operation_id="listEventTypes", summary="List the catalogue")
async def list_event_types(tenant: str) -> EventTypeList:
    return EventTypeList([views.event_type(t) for t in catalog.all_types()])


@get(
    "/{name:str}",
    operation_id="getEventType",
    summary="Read an event type with its schema and samples",
    refusals=(NO_EVENT_TYPE,),
)
async def get_event_type(tenant: str, name: parameters.EventTypeName) -> EventTypeDetail:
    found = catalog.find(name)
    if found is None:
        raise NotFound("event type", name[:60])
    return views.event_type_detail(found)


router = Router("/v2/manage/event-types", route_handlers=[list_event_types, get_event_type], tags=["Event types"])
