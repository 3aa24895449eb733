"""The ASGI application: paths made canonical, the hot intake route first, everything else by Litestar."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.exceptions import InternalServerException
from litestar.types import ASGIApp, Guard, Receive, Send

from outrider.api import admission, bodies, errors, viewer
from outrider.api.arrays import LARGE
from outrider.api.intake import EVENTS, OPERATIONS, IntakeRoute, aborted
from outrider.api.room import Room, holding
from outrider.api.routes import (
    event_types,
    history,
    keys,
    legacy,
    objects,
    recovery,
    secrets,
    service,
    settings,
    system,
    webhooks,
)
from outrider.api.turn import Turn
from outrider.app.services import Services
from outrider.domain.readiness import Unready

MANAGE_BODY_BYTES = 1024 * 1024
ROUTERS = (
    service.router,
    viewer.router,
    webhooks.router,
    legacy.router,
    settings.router,
    secrets.router,
    keys.router,
    event_types.router,
    history.router,
    recovery.router,
    objects.router,
    system.router,
)
UNANSWERED = "NONE"  # a method no path takes
_SINGULAR = "/v2/manage/webhook"
_ACCOUNT = ["", "identity", "v2", "manage", "account"]


class FoldedRequest(Request[Any, Any, Any]):
    """Decodes JSON bodies with `api/bodies.py`, so that keys match case-insensitively; no body means `{}`."""

    async def body(self) -> bytes:
        try:
            return await super().body() or b"{}"
        except InternalServerException as error:  # what Litestar makes of a caller that hangs up
            raise aborted() from error

    async def json(self) -> Any:
        wanted = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        work = partial(_folded, await self.body(), wanted)
        return await self.state.work.run(self.state.caller.tenant, work) if len(work.args[0]) > LARGE else work()


def _folded(body: bytes, wanted: Any) -> Any:
    return msgspec.to_builtins(bodies.decode_folded(body, wanted))


def build_app(
    services: Services,
    intake: IntakeRoute,
    room: Room,
    turn: Turn,
    *,
    takes_calls: bool,
    unready: Callable[[], Awaitable[list[Unready]]],
    startup: Callable[[], Awaitable[None]],
    shutdown: Callable[[], Awaitable[None]],
) -> ASGIApp:
    """The application to serve. `unready` says why an event would not be accepted now, for `GET /health` and its
    like, which are all that a process without the intake role answers."""
    managed = _managed(
        ROUTERS if takes_calls else (service.router,),
        {
            "services": Provide(lambda: services, sync_to_thread=False, use_cache=True),
            "tenant": Provide(admission.tenant, sync_to_thread=False),
            "caller": Provide(admission.caller, sync_to_thread=False),
            "prevented": Provide(admission.prevented, sync_to_thread=False),
            "unready": Provide(unready),
        },
        guards=[admission.admission(services)],
        startup=[startup],
        shutdown=[shutdown],
    )
    return _front(intake if takes_calls else None, managed, room, turn)


def bare_app() -> Litestar:
    """The routes with nothing behind them, for their documentation."""
    names = ("services", "tenant", "caller", "prevented", "unready")
    return _managed(ROUTERS, {name: Provide(_nothing(name), sync_to_thread=False) for name in names})


def _nothing(name: str) -> Callable[[], None]:
    def provide() -> None:
        raise LookupError(f"there is no {name} behind the bare routes")

    return provide


def _managed(
    routers: Sequence[Router],
    dependencies: dict[str, Provide],
    guards: Sequence[Guard] = (),
    startup: list[Callable[[], Awaitable[None]]] | None = None,
    shutdown: list[Callable[[], Awaitable[None]]] | None = None,
) -> Litestar:
    return Litestar(
        routers,
        dependencies=dependencies,
        guards=guards,
        exception_handlers={Exception: errors.handle},
        request_class=FoldedRequest,
        request_max_body_size=MANAGE_BODY_BYTES,
        on_startup=startup,
        on_shutdown=shutdown,
        openapi_config=None,  # `api/openapi/` makes the document
        logging_config=None,
    )


def _front(intake: ASGIApp | None, managed: ASGIApp, room: Room, turn: Turn) -> ASGIApp:
    async def front(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await managed(scope, receive, send)
            return
        await turn.begin()
        path = canonical_path(scope["path"])
        if intake is not None and path in (EVENTS, OPERATIONS):
            await intake(scope | {"path": path}, receive, send)
        else:
            folded = _canonical_query(scope, path)
            async with holding(room, scope, receive, partial(_caller, folded), MANAGE_BODY_BYTES) as within:
                await managed(folded, within, send)

    return front


def _caller(scope: Any) -> str:
    """Whose request it is: known by the time its body is read."""
    return str(scope["state"]["caller"].tenant)


def canonical_path(path: str) -> str:
    """Paths match case-insensitively, without a trailing slash, and `webhook` means `webhooks`.

    Names inside paths (secrets, event types) match case-insensitively too, and our ids are lower case, so folding
    loses nothing; only a Uid after `account` keeps its case.
    """
    given = path.rstrip("/").split("/")
    segments = [segment.lower() for segment in given]
    if segments[:5] == _ACCOUNT and len(segments) > 5:
        segments[5] = given[5]
    folded = "/".join(segments) or "/"
    if folded == _SINGULAR or folded.startswith(_SINGULAR + "/"):
        return "/v2/manage/webhooks" + folded[len(_SINGULAR) :]
    return folded


def _canonical_query(scope: Any, path: str) -> Any:
    """The scope with its canonical path; names of query parameters in lower case.

    Litestar would answer OPTIONS by itself, with some of a path's methods only; it is a method like any other here.
    """
    pairs = scope["query_string"].split(b"&") if scope["query_string"] else []
    folded = [name.lower() + sign + value for name, sign, value in (pair.partition(b"=") for pair in pairs)]
    method = UNANSWERED if scope["method"] == "OPTIONS" else scope["method"]
    if method == "HEAD" and path.startswith(service.HEALTH):
        method = "GET"  # the server leaves out the body
    return scope | {
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"&".join(folded),
    }
