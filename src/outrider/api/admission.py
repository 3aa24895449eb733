"""Who may call a route: judged before anything else is read of a request, its body above all.

Every route wants credentials unless it says `open=True`, itself or its router in `opt`.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from outrider.api.credentials import carried, source_of
from outrider.app.access import Caller, Scope
from outrider.app.services import Services
from outrider.domain.errors import InvalidField

READS = (Scope.READ,)
CHANGES_AND_READS = (Scope.WRITE, Scope.READ)
_CHANGES = (Scope.WRITE,)


def scopes_of(method: str, handler: BaseRouteHandler) -> tuple[Scope, ...]:
    """What a bearer key must be allowed for this call; nothing where nobody has to say who they are.

    A route that changes something and answers with, or sends out, more than the caller gave says so in its
    `scopes`: who may change things may not thereby read them.
    """
    if handler.opt.get("open", False):
        return ()
    declared: tuple[Scope, ...] | None = handler.opt.get("scopes")
    return declared or (READS if method == "GET" else _CHANGES)


def admission(services: Services) -> Guard:
    """Litestar runs guards before it reads parameters and body. Raises CallerError."""

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        request: Any = connection.scope
        scopes = scopes_of(request["method"], handler)
        if not scopes:
            return
        found = carried(request["query_string"], request["headers"])
        caller = services.access.authenticate(found.credentials, source_of(request["client"]))
        caller.need(scopes)
        services.pace.take(caller.tenant)
        if "\0" in request["path"]:
            raise InvalidField("path", "characters other than NUL", "a NUL")
        connection.state.caller = caller
        connection.state.work = services.work
        connection.state.prevented = found.prevented

    return admit


def tenant(request: Request[Any, Any, Any]) -> str:
    """Whose credentials were sent."""
    return caller(request).tenant


def caller(request: Request[Any, Any, Any]) -> Caller:
    """Whose credentials were sent and what they allow."""
    found: Caller = request.state.caller
    return found


def prevented(request: Request[Any, Any, Any]) -> bool:
    """Whether what a call raises shall be delivered to nobody."""
    found: bool = request.state.prevented
    return found
