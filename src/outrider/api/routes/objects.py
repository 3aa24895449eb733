"""`/identity/v2/manage/account/{uid}/customobject`: LoginRadius' five calls on a user's custom objects.

Always 200 with JSON. The body is the object itself, so its keys stay as they are. Source: LoginRadius' SDKs 11.7.0.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Router, delete, get, post, put
from litestar.di import Provide

from outrider.api import parameters
from outrider.api.admission import CHANGES_AND_READS
from outrider.api.intake import read_body
from outrider.api.models.common import Deleted
from outrider.api.models.objects import ObjectList
from outrider.api.refusals import CONTENT, NO_RECORD, OBJECT_FULL, OBJECT_PLACE, UPDATE_TYPE
from outrider.app import fields
from outrider.app.objects import ObjectRecord, Place, place_of
from outrider.app.services import Services


def _content() -> Any:
    """The type of bodies, for their documentation. Litestar copies what routes are told; this cannot be copied."""
    return fields.ObjectContent


def _place(tenant: str, uid: parameters.Uid, object_name: parameters.ObjectName = None) -> Place:
    return place_of(tenant, uid, object_name)


@post(
    "/",
    status_code=200,
    operation_id="createCustomObject",
    summary="Create a record of a custom object about a user",
    description="The body is the record's content. Tells it by `CreateCustomObject`.",
    body=_content,
    refusals=(*OBJECT_PLACE, CONTENT, OBJECT_FULL),
)
async def create_custom_object(
    request: Request[Any, Any, Any], services: Services, place: Place, prevented: bool
) -> ObjectRecord:
    body = await read_body(request.receive, services.objects.largest)
    return await services.objects.create(place, body, prevented=prevented)


@get(
    "/",
    operation_id="listCustomObjects",
    summary="List the records of a custom object about a user",
    refusals=OBJECT_PLACE,
)
async def list_custom_objects(services: Services, place: Place) -> ObjectList:
    found = await services.objects.all(place)
    return ObjectList(data=found, Count=len(found))


@get(
    "/{record_id:str}",
    operation_id="getCustomObject",
    summary="Read a record",
    refusals=(*OBJECT_PLACE, NO_RECORD),
)
async def get_custom_object(services: Services, place: Place, record_id: parameters.RecordId) -> ObjectRecord:
    return await services.objects.get(place, record_id)


@put(
    "/{record_id:str}",
    operation_id="updateCustomObject",
    summary="Replace a record's content, or the top-level fields that the body names",
    description="Tells it by `UpdateCustomObject`. Updates at the same moment all survive, one after the other.",
    body=_content,
    scopes=CHANGES_AND_READS,
    refusals=(*OBJECT_PLACE, CONTENT, UPDATE_TYPE, NO_RECORD),
)
async def update_custom_object(
    request: Request[Any, Any, Any],
    services: Services,
    place: Place,
    record_id: parameters.RecordId,
    prevented: bool,
    update_type: parameters.ContentUpdate = None,
) -> ObjectRecord:
    body = await read_body(request.receive, services.objects.largest)
    return await services.objects.update(place, record_id, body, update_type, prevented=prevented)


@delete(
    "/{record_id:str}",
    status_code=200,
    operation_id="deleteCustomObject",
    summary="Delete a record",
    description="Tells it by `DeleteCustomObject`.",
    refusals=(*OBJECT_PLACE, NO_RECORD),
)
async def delete_custom_object(
    services: Services, place: Place, record_id: parameters.RecordId, prevented: bool
) -> Deleted:
    await services.objects.delete(place, record_id, prevented=prevented)
    return Deleted(IsDeleted=True)


router = Router(
    "/identity/v2/manage/account/{uid:str}/customobject",
    route_handlers=[
        create_custom_object,
        list_custom_objects,
        get_custom_object,
        update_custom_object,
        delete_custom_object,
    ],
    dependencies={"place": Provide(_place, sync_to_thread=False)},
    opt={"required": ("object_name",)},
    tags=["Custom objects"],
)
