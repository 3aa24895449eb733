"""The document's `webhooks`: for each event type, the request a receiver gets and what its answer means."""

from __future__ import annotations

from typing import Any

from outrider import catalog
from outrider.api.openapi.operation import JSON
from outrider.api.openapi.schemas import REF
from outrider.app.subscriptions import SPELLINGS
from outrider.catalog import EventType, Family
from outrider.domain.envelope import Envelope

ENVELOPE = {
    "HookName": "The event type's name in lower case.",
    "HookId": "The event's id: the same on every attempt and at every webhook, to recognise repeats.",
    "Data": "The payload, as the producer sent it, secrets masked.",
    "Time": "When it happened, UTC.",
    "ModifiedFields": "The names of changed fields, for an UpdateProfile whose producer said what was before.",
}
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "accept": ("What an answer may be; its body is kept for people to look at.", {"const": "application/json"}),
    "accept-encoding": ("Answers are not decompressed.", {"const": "identity"}),
    "content-type": ("Of the body.", {"const": "application/json; charset=utf-8"}),
    "user-agent": ("Outrider and its version.", {"pattern": "^Outrider/"}),
    "request-context": ("The tenant.", {"pattern": "^appId=cid-v1:"}),
    "request-id": ("The event's id, and this attempt: its number stands at the end.", {"pattern": "^\\|.*\\.$"}),
    "signature": (
        "HMAC-SHA256 of the exact body, keyed with the secret's text, upper-case hex.",
        {"pattern": "^[0-9A-F]{64}$"},
    ),
    "webhook-id": ("Standard Webhooks: the event's id, as in HookId.", {"format": "uuid"}),
    "webhook-timestamp": ("Standard Webhooks: when this attempt was made, Unix seconds.", {"pattern": "^[0-9]+$"}),
    "webhook-signature": (
        "Standard Webhooks: `v1,` and base64 of HMAC-SHA256; during a rotation one for each valid secret.",
        {"pattern": "^v1,"},
    ),
}
_UNNAMED = {"accept", "content-type", "authorization"}  # OpenAPI 3.1 ignores parameters of these names
ANSWERS: dict[str, tuple[str, str]] = {
    "2XX": ("Delivered", "Delivered."),
    "410": ("Gone", "Ends the delivery and disables the webhook."),
    "429": ("SlowDown", "Tried again after `Retry-After`, up to a day, and not before the schedule says."),
    "503": ("SlowDown", "Tried again after `Retry-After`, up to a day, and not before the schedule says."),
    "default": (
        "Failed",
        "Anything else, a redirect or a timeout: tried again by schedule, in the end `DeliveryExhausted`.",
    ),
}
RETRY_AFTER = {
    "description": "Seconds, or an HTTP date.",
    "schema": {"type": "string"},
}


def webhooks() -> dict[str, Any]:
    """One entry for each event type, by its canonical name."""
    return {kind.name: {"post": _received(kind)} for kind in catalog.all_types()}


def parameters() -> dict[str, Any]:
    """The headers of every request, as components."""
    return {
        name: {
            "name": name,
            "in": "header",
            "required": True,
            "description": text,
            "schema": {"type": "string"} | more,
        }
        for name, (text, more) in HEADERS.items()
        if name not in _UNNAMED
    }


def responses() -> dict[str, Any]:
    """What a receiver may answer, as components."""
    found: dict[str, Any] = {name: {"description": text} for name, text in ANSWERS.values()}
    found["SlowDown"]["headers"] = {"Retry-After": RETRY_AFTER}
    return found


def schemas(components: dict[str, Any]) -> dict[str, Any]:
    """Further components: names of event types, payloads, and the envelope with its words."""
    fields = components[Envelope.__name__]["properties"]
    described = {name: {"description": ENVELOPE[name]} | schema for name, schema in fields.items()}
    described["HookId"] |= {"format": "uuid"}
    described["Time"] |= {"format": "date-time"}
    described["Data"] |= {"type": "object", "additionalProperties": True}
    sent = [Family.CIAM, Family.PARTNER_IAM]
    payloads = dict.fromkeys(_payload(kind) for kind in catalog.all_types() if kind.family in sent)
    return {
        Envelope.__name__: components[Envelope.__name__]
        | {"description": "The body every receiver gets, to the byte.", "properties": described},
        "EventTypeName": {"description": "The catalogue.", "type": "string", "enum": catalog.names()},
        "SentEventTypeName": {
            "description": "The event types producers may send.",
            "type": "string",
            "enum": catalog.names(*sent),
            "x-enum-varnames": [f"Sent{name}" for name in catalog.names(*sent)],
        },
        "LegacyEventTypeName": {
            "description": "The event types of the legacy API, as LoginRadius' SDKs spell them.",
            "type": "string",
            "enum": [*SPELLINGS],
            "x-enum-varnames": [f"Legacy{name[0].upper()}{name[1:]}" for name in SPELLINGS],
        },
        "Payload": {"description": "By event type.", "anyOf": [{"$ref": ref} for ref in payloads]},
    } | {name: components[name] | {"examples": list(kind.samples().values())} for name, kind in _shown().items()}


def _shown() -> dict[str, EventType]:
    """For each payload type its first event type, whose samples are shown."""
    found: dict[str, EventType] = {}
    for kind in catalog.all_types():
        found.setdefault(kind.payload.__name__, kind)
    return found


def _payload(kind: EventType) -> str:
    return REF.format(name=kind.payload.__name__)


def _received(kind: EventType) -> dict[str, Any]:
    fields: dict[str, Any] = {"HookName": {"const": kind.name.lower()}, "Data": {"$ref": _payload(kind)}}
    if kind.name != "UpdateProfile":
        fields["ModifiedFields"] = {"type": "array", "items": {"type": "string"}, "maxItems": 0}
    envelope = {"allOf": [{"$ref": REF.format(name=Envelope.__name__)}, {"properties": fields}]}
    return {
        "operationId": f"receive{kind.name}",
        "summary": kind.description,
        "tags": [f"{kind.family} events"],
        "security": [{}, {"receiverBasic": []}, {"receiverBearer": []}],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in HEADERS if name not in _UNNAMED],
        "requestBody": {"required": True, "content": {JSON: {"schema": envelope}}},
        "responses": {status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in ANSWERS.items()},
    }
