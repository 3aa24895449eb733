"""`/v2/manage/keys`: scoped bearer keys. The token is shown once."""

from __future__ import annotations

from litestar import Router, delete, get, post

from outrider.api import parameters, views
from outrider.api.models.common import Deleted
from outrider.api.models.configuration import KeyList, ShownKey
from outrider.api.refusals import NO_KEY
from outrider.app.access import Caller
from outrider.app.keys import KeyInput
from outrider.app.services import Services


@post(
    "/",
    status_code=200,
    operation_id="createKey",
    summary="Create a bearer key; its token is shown once",
    description="A key gets no scope that its maker lacks, and does not outlive the key that makes it.",
)
async def create_key(caller: Caller, services: Services, data: KeyInput) -> ShownKey:
    return views.shown_key(await services.keys.create(caller, data))


@get("/", operation_id="listKeys", summary="List bearer keys")
async def list_keys(tenant: str, services: Services) -> KeyList:
    return KeyList([views.key(k) for k in services.keys.all(tenant)])


@delete(
    "/{key_id:str}",
    status_code=200,
    operation_id="deleteKey",
    summary="Revoke a bearer key at once",
    refusals=(NO_KEY,),
)
async def delete_key(tenant: str, services: Services, key_id: parameters.KeyId) -> Deleted:
    await services.keys.delete(tenant, key_id)
    return Deleted(IsDeleted=True)


router = Router("/v2/manage/keys", route_handlers=[create_key, list_keys, delete_key], tags=["Keys"])
