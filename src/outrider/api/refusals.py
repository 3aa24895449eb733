"""What the API refuses, for its documentation: a route names its refusals, and every route has the common ones.

    @get("/{webhook_id:str}", operation_id="getWebhook", summary="Read a webhook", refusals=(NO_WEBHOOK,))

Codes and statuses are those the use cases raise (`domain/errors.py`).
"""

from __future__ import annotations

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is not a success: its HTTP status, the `ErrorCode` of its body, and when it is given."""

    status: int
    code: int
    when: str


NO_WEBHOOK = Refusal(404, 7986, "the tenant has no webhook with this id")
NO_SECRET = Refusal(404, 7904, "the tenant has no secret with this name")
NO_KEY = Refusal(404, 7904, "the tenant has no key with this id")
NO_EVENT_TYPE = Refusal(404, 7904, "the catalogue has no event type with this name")
NO_EVENT = Refusal(404, 7904, "the tenant has no event with this id")
NO_DELIVERY = Refusal(404, 7904, "the tenant has no delivery with this id")
NO_JOB = Refusal(404, 7904, "the tenant has no job with this id")

UNKNOWN_EVENT = Refusal(400, 1086, "an event type is not in the catalogue, or is missing")
TARGET = Refusal(400, 1087, "the target URL is not acceptable")
EVENT_COUNT = Refusal(400, 1090, "too few or too many events")

NAME_TAKEN = Refusal(409, 7987, "another one has this name")
SECRET_USED = Refusal(409, 7987, "a webhook signs with this secret")
ID_TAKEN = Refusal(409, 7987, "another event has this id")
WEBHOOK_DELETED = Refusal(409, 7987, "the webhook is deleted")
JOB_DONE = Refusal(409, 7987, "the job is done")

OF_CREDENTIALS = (
    Refusal(400, 922, "the API key is missing"),
    Refusal(400, 923, "the API secret is missing"),
    Refusal(401, 901, "the bearer key is unknown, expired or revoked"),
    Refusal(401, 902, "the API secret is not this key's"),
    Refusal(403, 901, "no tenant has this API key"),
    Refusal(403, 1143, "the bearer key lacks the scope"),
)
OF_FIELDS = (Refusal(400, 7900, "a field or parameter is not acceptable"),)
OF_BODIES = (
    Refusal(400, 965, "the body is not JSON in UTF-8"),
    *OF_FIELDS,
    Refusal(413, 7913, "the body is too large"),
)
OURS = (
    Refusal(500, 7909, "the fault is ours"),
    Refusal(503, 7910, "it cannot be done now; nothing was stored, send it again after Retry-After seconds"),
)
ELSEWHERE = (
    Refusal(404, 7904, "there is no such path"),
    Refusal(405, 7905, "the path does not take this method; Allow says which it takes"),
)
