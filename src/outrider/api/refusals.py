"""What the API refuses, for its documentation: a route names its refusals, and every route has the common ones.

    @get("/{webhook_id:str}", operation_id="getWebhook", summary="Read a webhook", refusals=(NO_WEBHOOK,))

Codes and statuses are those the use cases raise (`domain/errors.py`); `Refusal.answered` has those a path answers.
"""

from __future__ import annotations

import msgspec

from outrider.api.codes import BODY_INVALID, translated


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is not a success: its HTTP status, the `ErrorCode` of its body, and when it is given."""

    status: int
    code: int
    when: str

    def answered(self, path: str, method: str) -> Refusal:
        """The same as a request for `path` is answered (`api/codes.py`)."""
        code, status = translated(self.code, self.status, path, method)
        return Refusal(status, code, self.when)


NO_WEBHOOK = Refusal(404, 7986, "the tenant has no webhook with this id")
NO_SECRET = Refusal(404, 7904, "the tenant has no secret with this name")
NO_KEY = Refusal(404, 7904, "the tenant has no key with this id")
NO_EVENT_TYPE = Refusal(404, 7904, "the catalogue has no event type with this name")
NO_EVENT = Refusal(404, 7904, "the tenant has no event with this id")
NO_DELIVERY = Refusal(404, 7904, "the tenant has no delivery with this id")
NO_JOB = Refusal(404, 7904, "the tenant has no job with this id")

UNKNOWN_EVENT = Refusal(400, 1086, "an event type is not in the catalogue, or is missing")
TARGET = Refusal(400, 1087, "the target URL is not acceptable")
TOO_MANY = Refusal(403, 1085, "the event type has as many webhooks as the tenant's settings allow")
URL_TAKEN = Refusal(409, 7989, "the event type goes to this URL already, and may go there once only")
NOT_SUBSCRIBED = Refusal(403, 1112, "the event type does not go to this URL")
EVENT_COUNT = Refusal(400, 1090, "too few or too many events")

OBJECT_PLACE = (
    Refusal(400, 908, "the object name is missing"),
    Refusal(403, 1064, "the object name is not acceptable"),
    Refusal(403, 1200, "the Uid is not acceptable"),
)
NO_RECORD = Refusal(403, 1057, "the user has no such record of this custom object")
CONTENT = Refusal(400, 1035, "the body is JSON, but no custom object")
UPDATE_TYPE = Refusal(400, 908, "the update type is not one of the three")
OBJECT_FULL = Refusal(403, 1002, "the user has as many records of this custom object as may be")

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
    Refusal(403, 1143, "the bearer key lacks a scope"),
    Refusal(429, 7929, "too many wrong credentials came from this address; Retry-After says when to call again"),
)
OF_FIELDS = (Refusal(400, 7900, "a field or parameter is not acceptable"),)
OF_BODIES = (
    Refusal(400, BODY_INVALID, "the body is not well-formed JSON in UTF-8"),
    *OF_FIELDS,
    Refusal(408, 7900, "the request did not arrive whole within 30 seconds; the connection closes"),
    Refusal(413, 7913, "the body is too large"),
)
PACE = (Refusal(429, 7929, "the tenant's settings allow no more calls now; Retry-After says when to call again"),)
OURS = (
    Refusal(500, 7909, "the fault is ours"),
    Refusal(503, 7910, "it cannot be done now; nothing was stored, send it again after Retry-After seconds"),
)
NO_REQUEST = (
    Refusal(
        400, 7900, "400: it is not HTTP/1.1, has no `Host` or two, an ambiguous length, too much around its chunks"
    ),
    Refusal(408, 7900, "408: it did not arrive whole within 30 seconds"),
    Refusal(414, 7900, "414: its first line is longer than 8 KiB"),
    Refusal(431, 7900, "431: its head is larger than 32 KiB, or has more than 100 headers"),
    Refusal(501, 7900, "501: its transfer coding is not `chunked`"),
    Refusal(505, 7900, "505: its version is not HTTP/1"),
    Refusal(
        503, 7910, "503: all connections are taken, or the server stops; send it again after Retry-After seconds"
    ),
)
NO_PATH = Refusal(404, 7904, "there is no such path")
NO_METHOD = Refusal(405, 7905, "the path does not take this method; Allow says which it takes")
ELSEWHERE = (NO_PATH, NO_METHOD)
