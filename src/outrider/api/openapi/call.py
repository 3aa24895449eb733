"""A call of the API as its documentation sees it, read from a Litestar route."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from outrider.api.admission import scopes_of
from outrider.api.openapi.schemas import alternatives
from outrider.api.refusals import NO_METHOD, NO_PATH, OF_BODIES, OF_CREDENTIALS, OF_FIELDS, OURS, PACE, Refusal
from outrider.app.access import Scope


class Parameter(msgspec.Struct, frozen=True):
    """One of the path, the query or the headers; `kind` is its type."""

    place: str
    name: str
    kind: Any
    description: str
    required: bool = False
    default: Any = None
    schema: dict[str, Any] = {}


class Demand(msgspec.Struct, frozen=True):
    """`fields` of the body that a call cannot do without; `name` is the component that says so."""

    name: str
    fields: tuple[str, ...]


class Call(msgspec.Struct, frozen=True):
    """One method of one path. `body` and `answer` are types; `demand` is what a body has to have here, although its
    type can do without.

    `otherwise` says when it is answered the same with another status.

    An absent body is an empty object, unless `body_required`. `scopes` are empty where nobody has to say who they
    are; `paced` calls count towards the tenant's `CallsPerSecond`.
    """

    path: str
    method: str
    operation_id: str
    summary: str
    description: str | None
    tag: str
    status: int
    answer: Any
    body: Any = None
    demand: Demand | None = None
    body_required: bool = False
    paced: bool = False
    scopes: tuple[Scope, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    otherwise: dict[int, str] = {}

    def every_refusal(self) -> tuple[Refusal, ...]:
        """As they are answered on this path, the common ones too: of credentials, of bodies, of paths, and ours."""
        common: tuple[Refusal, ...] = ()
        if self.scopes:
            common += OF_CREDENTIALS + (OF_FIELDS if self.body is None else OF_BODIES) + OURS
        else:
            common += (NO_METHOD,)
        if self.paced:
            common += PACE
        if "{" in self.path and NO_PATH.code not in {refusal.code for refusal in self.refusals}:
            common += (NO_PATH,)
        return tuple(refusal.answered(self.path, self.method.upper()) for refusal in (*common, *self.refusals))


PREVENTION = (
    Parameter(
        "query", "prevent_webhook", bool, "Record the events and send nothing. `X-PreventWebhook` wins over it."
    ),
    Parameter("header", "X-PreventWebhook", bool, "Record the events and send nothing."),
)


class Undocumented(Exception):
    """A route says too little of itself; the text says what is missing."""


def calls(app: Litestar) -> Iterator[Call]:
    """Every call of the application but those left out of the schema, by path and method."""
    for route in sorted(app.routes, key=lambda r: r.path):
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in sorted(route.route_handler_map.items()):
                if handler.resolve_include_in_schema():
                    yield _call(route, method, handler)


def _call(route: HTTPRoute, method: str, handler: HTTPRouteHandler) -> Call:
    where = f"{method} {route.path_format}"
    tags = handler.resolve_tags()
    if not isinstance(handler.operation_id, str) or not handler.summary or len(tags) != 1:
        raise Undocumented(f"{where}: give the route an operation_id, a summary, and one tag (or its router)")
    fields = _asked(handler)
    raw = handler.opt.get("body")
    refusals = handler.opt.get("refusals", ())
    if route.path_parameters and not refusals:
        raise Undocumented(f"{where}: name the refusals (api/refusals.py) for what its path names")
    scopes = scopes_of(method, handler)
    if not scopes and "tenant" in fields:
        raise Undocumented(f"{where}: it asks for the tenant, so it cannot be open")
    return Call(
        path=route.path_format,
        method=method.lower(),
        operation_id=handler.operation_id,
        summary=handler.summary,
        description=handler.description,
        tag=tags[0],
        status=handler.status_code,
        answer=_answer(where, handler),
        body=raw() if raw else fields["data"].annotation if "data" in fields else None,
        demand=handler.opt.get("demand"),
        body_required=raw is not None,
        paced=bool(scopes),
        scopes=scopes,
        parameters=tuple(_parameters(handler, fields)),
        refusals=tuple(refusals),
        otherwise=handler.opt.get("otherwise", {}),
    )


def _answer(where: str, handler: HTTPRouteHandler) -> Any:
    said = handler.parsed_fn_signature.return_type
    found = said.inner_types[0].annotation if said.is_subclass_of(Response) else said.annotation
    typed = (
        isinstance(kind, type) and issubclass(kind, (msgspec.Struct, msgspec.Raw)) for kind in alternatives(found)
    )
    if not all(typed):
        raise Undocumented(f"{where}: answer with a Struct of api/models/")
    return found


def _asked(handler: HTTPRouteHandler) -> dict[str, FieldDefinition]:
    """The arguments of the handler, and of what provides them, by name."""
    providers = handler.resolve_dependencies()
    found: dict[str, FieldDefinition] = {}
    waiting = [*handler.parsed_fn_signature.parameters.items()]
    while waiting:
        name, field = waiting.pop(0)
        if name not in found:
            found[name] = field
            if name in providers:
                waiting[:0] = providers[name].parsed_fn_signature.parameters.items()
    return found


def _parameters(handler: HTTPRouteHandler, fields: Mapping[str, FieldDefinition]) -> Iterator[Parameter]:
    """`required` names those that are refused in a way of their own when they are absent."""
    injected = {*handler.resolve_dependencies(), "data", "request"}
    required = handler.opt.get("required", ())
    for name, field in fields.items():
        if name not in injected:
            yield _parameter(name, field, required=name in required)
    if "prevented" in fields:
        yield from PREVENTION


def _parameter(name: str, field: FieldDefinition, *, required: bool) -> Parameter:
    said = field.kwarg_definition
    if not isinstance(said, ParameterKwarg) or not said.description:
        raise Undocumented(f"parameter {name}: describe it in api/parameters.py")
    return Parameter(
        place=said.param_type.value,
        name=said.name or name,
        kind=_without_null(field.annotation),
        description=said.description,
        required=required or field.is_required,
        default=field.default if field.has_default else None,
        schema=said.schema_extra or {},
    )


def _without_null(kind: Any) -> Any:
    """A parameter is absent rather than null."""
    members = [member for member in typing.get_args(kind) if member is not type(None)]
    return members[0] if len(members) == 1 else kind
