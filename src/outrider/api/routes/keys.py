"""`/v2/manage/keys`: scoped bearer keys. The token is shown once."""

from __future__ import annotations

from typing import Any

from litestar import Router, delete, get, post

from outrider.api import views
from outrider.app.keys import KeyInput
from outrider.app.services import Services


@post("/", status_code=200)
async def create_key(tenant: str, services: Services, data: KeyInput) -> dict[str, Any]:
    made = await services.keys.create(tenant, data)
    return views.key(made.key) | {"Token": made.token}


@get("/")
async def list_keys(tenant: str, services: Services) -> dict[str, Any]:
    return {"Data": [views.key(k) for k in services.keys.all(tenant)]}


@delete("/{key_id:str}", status_code=200)
async def delete_key(tenant: str, services: Services, key_id: str) -> dict[str, Any]:
    await services.keys.delete(tenant, key_id)
    return {"IsDeleted": True}


router = Router("/v2/manage/keys", route_handlers=[create_key, list_keys, delete_key])
