"""Who may call a route: judged before anything else is read of a request, its body above all.

Every route wants credentials unless it says `open=True`, itself or its router in `opt`.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from outrider.api.credentials import carried
from outrider.app.access import Scope
from outrider.app.services import Services
from outrider.domain.errors import InvalidField


def scope_of(method: str, handler: BaseRouteHandler) -> Scope | None:
    """What a bearer key must be allowed for this call; None where nobody has to say who they are."""
    if handler.opt.get("open", False):
        return None
    return Scope.READ if method == "GET" else Scope.WRITE


def admission(services: Services) -> Guard:
    """Litestar runs guards before it reads parameters and body. Raises CallerError."""

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        request: Any = connection.scope
        scope = scope_of(request["method"], handler)
        if scope is None:
            return
        found = carried(request["query_string"], request["headers"])
        tenant = services.access.authenticate(found.credentials, scope)
        services.pace.take(tenant)
        if "\0" in request["path"]:
            raise InvalidField("path", "characters other than NUL", "a NUL")
        connection.state.tenant = tenant
        connection.state.prevented = found.prevented

    return admit


def tenant(request: Request[Any, Any, Any]) -> str:
    """Whose credentials were sent."""
    found: str = request.state.tenant
    return found


def prevented(request: Request[Any, Any, Any]) -> bool:
    """Whether what a call raises shall be delivered to nobody."""
    found: bool = request.state.prevented
    return found
