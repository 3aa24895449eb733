"""`/v2/manage/secrets`: named signing secrets. A value is shown once, in the answer that makes it."""

from __future__ import annotations

from litestar import Router, delete, get, post

from outrider.api import parameters, views
from outrider.api.models.common import Deleted
from outrider.api.models.configuration import Secret, SecretList, ShownSecret
from outrider.api.refusals import NAME_TAKEN, NO_SECRET, SECRET_USED
from outrider.app.secrets import RotationInput, SecretInput
from outrider.app.services import Services


@post(
    "/",
    status_code=200,
    operation_id="createSecret",
    summary="Create a signing secret; its value is shown once",
    refusals=(NAME_TAKEN,),
)
async def create_secret(tenant: str, services: Services, data: SecretInput) -> ShownSecret:
    return views.shown_secret(await services.secrets.create(tenant, data))


@get("/", operation_id="listSecrets", summary="List signing secrets, without their values")
async def list_secrets(tenant: str, services: Services) -> SecretList:
    return SecretList([views.secret(s) for s in services.secrets.all(tenant)])


@get(
    "/{name:str}",
    operation_id="getSecret",
    summary="Read a signing secret, without its value",
    refusals=(NO_SECRET,),
)
async def get_secret(tenant: str, services: Services, name: parameters.SecretName) -> Secret:
    return views.secret(services.secrets.get(tenant, name))


@post(
    "/{name:str}/rotate",
    status_code=200,
    operation_id="rotateSecret",
    summary="Give a signing secret a new version; the one before signs along for a while",
    refusals=(NO_SECRET,),
)
async def rotate_secret(
    tenant: str, services: Services, name: parameters.SecretName, data: RotationInput, prevented: bool
) -> ShownSecret:
    return views.shown_secret(await services.secrets.rotate(tenant, name, data, prevented=prevented))


@delete(
    "/{name:str}",
    status_code=200,
    operation_id="deleteSecret",
    summary="Delete a signing secret that no webhook uses",
    refusals=(NO_SECRET, SECRET_USED),
)
async def delete_secret(tenant: str, services: Services, name: parameters.SecretName) -> Deleted:
    await services.secrets.delete(tenant, name)
    return Deleted(IsDeleted=True)


router = Router(
    "/v2/manage/secrets",
    route_handlers=[create_secret, list_secrets, get_secret, rotate_secret, delete_secret],
    tags=["Secrets"],
)
