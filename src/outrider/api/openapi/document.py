"""The whole document, and its bytes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar

from outrider import __version__, catalog
from outrider.api.models.common import Error
from outrider.api.openapi import examples, intake, webhooks
from outrider.api.openapi.call import Call, calls
from outrider.api.openapi.older import downgraded
from outrider.api.openapi.operation import operation, shared_responses, told
from outrider.api.openapi.schemas import Schemas
from outrider.api.refusals import ELSEWHERE, NO_REQUEST
from outrider.domain.envelope import Envelope

_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
_METHODS = ("get", "post", "put", "patch", "delete")
_ABOUT = """Signed, durable webhooks for identity events.

Paths, and the keys of JSON bodies, match case-insensitively; `/v2/manage/webhook` is the same as
`/v2/manage/webhooks`. Bodies are read as JSON whatever their content type says. Fields that are not documented are
refused.

Every call but those without a padlock needs credentials: `apikey` and `apisecret` in the query, or the headers
`X-LoginRadius-ApiKey` and `X-LoginRadius-ApiSecret`, or a bearer key with the scope that the call asks for.

Every error has LoginRadius' body with an integer `ErrorCode`. Paths under `/v2` answer with the newer of its two
families of codes, older paths with the classic one. Besides those each call names, a path or method that does not
exist is answered:

{elsewhere}

What is no request, or cannot be taken, is answered before its path is looked at, and the connection closes:

{unread}
"""
_TAGS = {
    "Intake": "Tell Outrider what happened.",
    "Webhooks": "Who is told, and how.",
    "Legacy API": "LoginRadius' older way of managing webhooks, on the same webhooks.",
    "Settings": "The tenant's limits.",
    "Secrets": "What requests are signed with.",
    "Keys": "Bearer keys for programs.",
    "Event types": "What can happen.",
    "Custom objects": "Records about users; every change is told by an event.",
    "History": "What became of it.",
    "Recovery": "Sending again.",
    "Service": "The processes, and this document.",
    "CIAM events": "What a receiver gets about a user's account.",
    "PartnerIAM events": "What a receiver gets about organizations.",
    "System events": "What a receiver gets about Outrider itself.",
}
_SECURITY = {
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-LoginRadius-ApiKey"},
    "apiSecretHeader": {"type": "apiKey", "in": "header", "name": "X-LoginRadius-ApiSecret"},
    "apiKeyQuery": {"type": "apiKey", "in": "query", "name": "apikey"},
    "apiSecretQuery": {"type": "apiKey", "in": "query", "name": "apisecret"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `POST /v2/manage/keys`."},
    "receiverBasic": {"type": "http", "scheme": "basic", "description": "As the webhook's `Authentication` says."},
    "receiverBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "As the webhook's `Authentication` says.",
    },
}


def document(app: Litestar) -> dict[str, Any]:
    """OpenAPI 3.1 of the application and of intake. Raises Undocumented for a route that says too little."""
    every = sorted([*intake.CALLS, *calls(app)], key=lambda call: (call.path, _METHODS.index(call.method)))
    schemas = Schemas(_types(every))
    shown = examples.every()
    paths: dict[str, dict[str, Any]] = {}
    for call in every:
        found = operation(call, schemas, shown.get(call.operation_id, {}))
        paths.setdefault(call.path, {})[call.method] = found
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Outrider",
            "version": __version__,
            "description": _ABOUT.format(elsewhere=told(ELSEWHERE), unread=told(NO_REQUEST)),
            "contact": {"name": "The maintainers of Outrider"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "webhooks": webhooks.webhooks(),
        "components": {
            "schemas": _used(schemas.components | webhooks.schemas(schemas.components), paths),
            "parameters": webhooks.parameters(),
            "responses": shared_responses() | webhooks.responses(),
            "securitySchemes": _SECURITY,
        },
    }


def _used(components: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    """The components but those that nothing refers to: a type that is only shown with what a call demands of it."""
    referred = set(_REFERENCE.findall(msgspec.json.encode([paths, components, webhooks.webhooks()]).decode()))
    return {name: components[name] for name in sorted(components) if name in referred}


def encoded(found: dict[str, Any]) -> bytes:
    """The document as it is served and committed."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def _types(every: list[Call]) -> list[Any]:
    """Every type the document speaks of."""
    found: list[Any] = [Error, Envelope, *(kind.payload for kind in catalog.all_types())]
    for call in every:
        found += [call.answer, *(parameter.kind for parameter in call.parameters)]
        if call.body is not None:
            found.append(call.body)
    return found


@cache
def served(app: Litestar) -> msgspec.Raw:
    """The document's bytes, made when somebody first asks."""
    return msgspec.Raw(encoded(document(app)))


@cache
def served_older(app: Litestar) -> msgspec.Raw:
    """The same for OpenAPI 3.0.3."""
    return msgspec.Raw(encoded(downgraded(msgspec.json.decode(served(app)))))
