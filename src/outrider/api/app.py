"""The ASGI application: paths made canonical, the hot intake route first, everything else by Litestar."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Litestar, Request, get
from litestar.di import Provide
from litestar.types import ASGIApp, Receive, Send

from outrider.api import bodies, errors
from outrider.api.credentials import carried
from outrider.api.intake import EVENTS, OPERATIONS, IntakeRoute
from outrider.api.routes import event_types, history, keys, recovery, secrets, webhooks
from outrider.app import access
from outrider.app.services import Services

MANAGE_BODY_BYTES = 1024 * 1024
_SINGULAR = "/v2/manage/webhook"


class FoldedRequest(Request[Any, Any, Any]):
    """Decodes JSON bodies with `api/bodies.py`, so that keys match case-insensitively."""

    async def json(self) -> Any:
        wanted = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        decoded = bodies.decode_folded(await self.body() or b"{}", wanted)
        return msgspec.to_builtins(decoded)


def build_app(
    services: Services,
    intake: IntakeRoute,
    *,
    ready: Callable[[], bool],
    startup: Callable[[], Awaitable[None]],
    shutdown: Callable[[], Awaitable[None]],
) -> ASGIApp:
    """The application to serve. `ready` says whether the engine runs, for `GET /health`."""

    @get("/health")
    async def health() -> dict[str, Any]:
        return {"Ready": ready()}

    def tenant(request: Request[Any, Any, Any]) -> str:
        found = carried(request.scope.get("query_string", b""), request.scope["headers"])
        scope = access.Scope.READ if request.method == "GET" else access.Scope.WRITE
        return services.access.authenticate(found.credentials, scope)

    managed = Litestar(
        [
            health,
            webhooks.router,
            secrets.router,
            keys.router,
            event_types.router,
            history.router,
            recovery.router,
        ],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False, use_cache=True),
            "tenant": Provide(tenant, sync_to_thread=False),
        },
        exception_handlers={Exception: errors.handle},
        request_class=FoldedRequest,
        request_max_body_size=MANAGE_BODY_BYTES,
        on_startup=[startup],
        on_shutdown=[shutdown],
        openapi_config=None,
        logging_config=None,
    )
    return _front(intake, managed)


def _front(intake: ASGIApp, managed: ASGIApp) -> ASGIApp:
    async def front(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await managed(scope, receive, send)
            return
        path = canonical_path(scope["path"])
        if path in (EVENTS, OPERATIONS):
            await intake(scope | {"path": path}, receive, send)
        else:
            await managed(_canonical_query(scope, path), receive, send)

    return front


def canonical_path(path: str) -> str:
    """Paths match case-insensitively, without a trailing slash, and `webhook` means `webhooks`.

    Names inside paths (secrets, event types) match case-insensitively too, so folding loses nothing.
    """
    folded = path.lower().rstrip("/") or "/"
    if folded == _SINGULAR or folded.startswith(_SINGULAR + "/"):
        return "/v2/manage/webhooks" + folded[len(_SINGULAR) :]
    return folded


def _canonical_query(scope: Any, path: str) -> Any:
    """The scope with its canonical path; names of query parameters in lower case."""
    pairs = scope["query_string"].split(b"&") if scope["query_string"] else []
    folded = [name.lower() + sign + value for name, sign, value in (pair.partition(b"=") for pair in pairs)]
    return scope | {"path": path, "raw_path": path.encode(), "query_string": b"&".join(folded)}
