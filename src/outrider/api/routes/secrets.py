"""`/v2/manage/secrets`: named signing secrets. A value is shown once, in the answer that makes it."""

from __future__ import annotations

from typing import Any

from litestar import Router, delete, get, post

from outrider.api import views
from outrider.app.secrets import RotationInput, SecretInput, Shown
from outrider.app.services import Services
from outrider.domain.signing import whsec


def _shown(made: Shown) -> dict[str, Any]:
    """`StandardWebhooksValue` is the form a Standard Webhooks library takes."""
    return views.secret(made.secret) | {"Value": made.value, "StandardWebhooksValue": whsec(made.value)}


@post("/", status_code=200)
async def create_secret(tenant: str, services: Services, data: SecretInput) -> dict[str, Any]:
    return _shown(await services.secrets.create(tenant, data))


@get("/")
async def list_secrets(tenant: str, services: Services) -> dict[str, Any]:
    return {"Data": [views.secret(s) for s in services.secrets.all(tenant)]}


@get("/{name:str}")
async def get_secret(tenant: str, services: Services, name: str) -> dict[str, Any]:
    return views.secret(services.secrets.get(tenant, name))


@post("/{name:str}/rotate", status_code=200)
async def rotate_secret(
    tenant: str, services: Services, name: str, data: RotationInput, prevented: bool
) -> dict[str, Any]:
    """The new version, its value shown once."""
    return _shown(await services.secrets.rotate(tenant, name, data, prevented=prevented))


@delete("/{name:str}", status_code=200)
async def delete_secret(tenant: str, services: Services, name: str) -> dict[str, Any]:
    await services.secrets.delete(tenant, name)
    return {"IsDeleted": True}


router = Router(
    "/v2/manage/secrets",
    route_handlers=[create_secret, list_secrets, get_secret, rotate_secret, delete_secret],
)
