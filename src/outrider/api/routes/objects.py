"""`/identity/v2/manage/account/{uid}/customobject`: LoginRadius' five calls on a user's custom objects.

Always 200 with JSON. The body is the object itself, so its keys stay as they are. Source: LoginRadius' SDKs 11.7.0.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, post, put
from litestar.di import Provide
from litestar.params import QueryParameter

from outrider.api.intake import read_body
from outrider.app.objects import ObjectRecord, Place, place_of
from outrider.app.services import Services


class ObjectList(msgspec.Struct, frozen=True):
    """All records, oldest first; never more than a user may have."""

    data: list[ObjectRecord]
    Count: int


class ObjectDeletion(msgspec.Struct, frozen=True):
    """The record is gone."""

    IsDeleted: bool = True


def _place(
    tenant: str,
    uid: str,
    object_name: Annotated[str | None, QueryParameter(name="objectname", description="in any case")] = None,
) -> Place:
    return place_of(tenant, uid, object_name)


@post("/", status_code=200)
async def create_custom_object(
    request: Request[Any, Any, Any], services: Services, place: Place, prevented: bool
) -> ObjectRecord:
    """Create a record of a custom object about a user."""
    body = await read_body(request.receive, services.objects.largest)
    return await services.objects.create(place, body, prevented=prevented)


@get("/")
async def list_custom_objects(services: Services, place: Place) -> ObjectList:
    """All records of a custom object about a user."""
    found = await services.objects.all(place)
    return ObjectList(data=found, Count=len(found))


@get("/{record_id:str}")
async def get_custom_object(services: Services, place: Place, record_id: str) -> ObjectRecord:
    """One record."""
    return await services.objects.get(place, record_id)


@put("/{record_id:str}")
async def update_custom_object(
    request: Request[Any, Any, Any],
    services: Services,
    place: Place,
    record_id: str,
    prevented: bool,
    update_type: Annotated[
        str | None, QueryParameter(name="updatetype", description="replace, partialreplace (default)")
    ] = None,
) -> ObjectRecord:
    """Replace a record's content, or the top-level fields that the body names."""
    body = await read_body(request.receive, services.objects.largest)
    return await services.objects.update(place, record_id, body, update_type, prevented=prevented)


@delete("/{record_id:str}", status_code=200)
async def delete_custom_object(services: Services, place: Place, record_id: str, prevented: bool) -> ObjectDeletion:
    """Delete a record."""
    await services.objects.delete(place, record_id, prevented=prevented)
    return ObjectDeletion()


router = Router(
    "/identity/v2/manage/account/{uid:str}/customobject",
    route_handlers=[
        create_custom_object,
        list_custom_objects,
        get_custom_object,
        update_custom_object,
        delete_custom_object,
    ],
    dependencies={
        "place": Provide(_place, sync_to_thread=False),
    },
)
