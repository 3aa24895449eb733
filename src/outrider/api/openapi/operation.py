"""An operation of the document: a call with its parameters, body, answers and examples."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from outrider.api.openapi.call import Call, Parameter
from outrider.api.openapi.examples import Example
from outrider.api.openapi.schemas import REF, Schemas, tidied
from outrider.api.refusals import OF_BODIES, OF_CREDENTIALS, OURS, PACE, Refusal

JSON = "application/json"
ERROR = {"$ref": REF.format(name="Error")}
SHARED = {
    401: "Unauthorized",
    403: "Forbidden",
    408: "TooSlow",
    413: "TooLarge",
    429: "TooManyCalls",
    500: "Fault",
    503: "Unavailable",
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before sending the request again.",
        "schema": {"type": "integer", "minimum": 0},
    }
}
HEADERS = {429: _RETRY_AFTER, 503: _RETRY_AFTER}
_UNDER_V2 = "/v2/"


def operation(call: Call, schemas: Schemas, examples: Mapping[str, Example]) -> dict[str, Any]:
    """The Operation Object of a call."""
    found: dict[str, Any] = {"operationId": call.operation_id, "summary": call.summary, "tags": [call.tag]}
    found["description"] = _description(call)
    found["security"] = security(call)
    if call.scopes:
        found["x-required-scopes"] = [str(scope) for scope in call.scopes]
    if call.parameters:
        found["parameters"] = [_parameter(parameter, schemas, examples) for parameter in call.parameters]
    if call.body is not None:
        found["requestBody"] = _body(call, schemas, examples)
    found["responses"] = _responses(call, schemas, examples)
    return found


def _description(call: Call) -> str:
    """What the route says of itself, and what a bearer key needs: scopes are not for `security` to say, which knows
    none for a scheme of this kind."""
    needed = " and ".join(f"`{scope}`" for scope in call.scopes)
    needs = f"A bearer key needs {needed}." if needed else "Needs no credentials."
    return f"{call.description} {needs}" if call.description else needs


def _body(call: Call, schemas: Schemas, examples: Mapping[str, Example]) -> dict[str, Any]:
    """An absent body is an empty object, so it is required where an empty object would not do."""
    if call.demand is None:
        schema = schemas.of(call.body)
    else:
        schema = schemas.demanding(call.body, call.demand.name, call.demand.fields)
    content = {"schema": schema} | _values("body", examples)
    required = call.body_required or call.demand is not None or schemas.requires(call.body)
    return {"required": required, "content": {JSON: content}}


def security(call: Call) -> list[dict[str, list[str]]]:
    """Any one of three ways; none for calls that are open to everybody."""
    if not call.scopes:
        return []
    return [
        {"apiKeyHeader": [], "apiSecretHeader": []},
        {"apiKeyQuery": [], "apiSecretQuery": []},
        {"bearer": []},
    ]


def shared_responses() -> dict[str, Any]:
    """What many calls answer alike, as components."""
    by_status = _shared()
    return {name: _refused(status, by_status[status], {}) for status, name in SHARED.items()}


def _shared() -> dict[int, tuple[Refusal, ...]]:
    """What is answered alike everywhere under `/v2`, by status."""
    common = OF_CREDENTIALS + OF_BODIES + PACE + OURS
    return _by_status([refusal.answered(_UNDER_V2, "") for refusal in common])


def told(refusals: Sequence[Refusal]) -> str:
    """When an error answer is given, a line for each `ErrorCode`."""
    return "\n".join(f"- `{refusal.code}`: {refusal.when}" for refusal in refusals)


def _parameter(parameter: Parameter, schemas: Schemas, examples: Mapping[str, Example]) -> dict[str, Any]:
    schema = tidied(schemas.of(parameter.kind) | parameter.schema)
    if parameter.default is not None:
        schema |= {"default": parameter.default}
    values = {
        name: {"value": example.parameters[parameter.name]}
        for name, example in examples.items()
        if parameter.name in example.parameters and example.succeeds
    }
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": schema,
    } | ({"examples": values} if values else {})


def _responses(call: Call, schemas: Schemas, examples: Mapping[str, Example]) -> dict[str, Any]:
    content = {"schema": schemas.of(call.answer)} | _values("answer", examples, call.status)
    responses = {str(call.status): {"description": _success(call), "content": {JSON: content}}}
    for status, when in call.otherwise.items():
        responses[str(status)] = {"description": when, "content": {JSON: {"schema": schemas.of(call.answer)}}}
    shared = _shared()
    for status, refusals in _by_status(call.every_refusal()).items():
        values = _values("answer", examples, status)
        if not values and status in SHARED and refusals == shared[status]:
            responses[str(status)] = {"$ref": f"#/components/responses/{SHARED[status]}"}
        else:
            responses[str(status)] = _refused(status, refusals, values)
    return responses


def _success(call: Call) -> str:
    """What the answer's type says of itself."""
    if isinstance(call.answer, type) and issubclass(call.answer, msgspec.Struct) and call.answer.__doc__:
        return inspect.cleandoc(call.answer.__doc__)
    return "Done."


def _refused(status: int, refusals: Sequence[Refusal], values: dict[str, Any]) -> dict[str, Any]:
    codes = sorted({refusal.code for refusal in refusals})
    schema = {"allOf": [ERROR, {"properties": {"ErrorCode": {"enum": codes}}}]}
    found: dict[str, Any] = {"description": told(refusals), "content": {JSON: {"schema": schema} | values}}
    if status in HEADERS:
        found["headers"] = HEADERS[status]
    return found


def _by_status(refusals: Sequence[Refusal]) -> dict[int, tuple[Refusal, ...]]:
    ordered = sorted(dict.fromkeys(refusals), key=lambda refusal: (refusal.status, refusal.code))
    return {status: tuple(group) for status, group in groupby(ordered, key=lambda refusal: refusal.status)}


def _values(part: str, examples: Mapping[str, Example], status: int | None = None) -> dict[str, Any]:
    """The `examples` of a body or an answer; one example has the same name in all its parts.

    What is refused is no example of a body: it breaks the schema, mostly on purpose.
    """
    values = {
        name: {"summary": example.summary, "value": getattr(example, part)}
        for name, example in examples.items()
        if getattr(example, part) is not None and (example.succeeds if status is None else status == example.status)
    }
    return {"examples": values} if values else {}
