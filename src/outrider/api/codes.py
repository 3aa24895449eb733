"""LoginRadius' two families of error codes, and which path answers with which.

Sources: LoginRadius' customer identity API codes for the older paths, its management API reference for 79xx and
6002 under `/v2`. No source says what bad events, bad URLs and the limit are there: they keep the older, exact
codes, with 400 where a field is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from outrider.domain.errors import CallerError

BODY_INVALID = 965
MESSAGES = {
    908: "A parameter is not formatted correctly",
    965: "The post body is invalid",
    1079: "Put body is invalid",
    1084: "Delete body is invalid",
    1085: "Number of Webhook subscriptions exceed to limit",
    1086: "Event parameter is invalid",
    1087: "Webhook target URL is invalid",
    1110: "Webhook target URL is already subscribed",
    1112: "Webhook target URL is not subscribed",
    6002: "Access Unauthorized",
    7914: "Post body is invalid",
    7989: "Webhook target URL is already subscribed",
}


class Coded(msgspec.Struct, frozen=True):
    """What an error body and its status line say."""

    code: int
    status: int
    message: str


# From the code and status an error was raised with. A bearer key is the only credential refused with 901 and 401.
_Table = Mapping[tuple[int, int], tuple[int, int]]
_MANAGEMENT: _Table = {
    (BODY_INVALID, 400): (7914, 400),
    (901, 401): (6002, 401),
    (1143, 403): (6002, 403),
}
_LEGACY: _Table = {
    (1086, 400): (1086, 403),
    (1087, 400): (1087, 403),
    (7900, 400): (908, 403),
    (7989, 409): (1110, 403),
}
_BODY_OF = {"PUT": 1079, "DELETE": 1084}
BODIES_INVALID = frozenset({BODY_INVALID, *_BODY_OF.values()})


def coded(error: CallerError, path: str, method: str) -> Coded:
    """The code, status and message for `error` as an answer to a request for `path`."""
    code, status = translated(error.code, error.status, path, method)
    return Coded(code, status, MESSAGES.get(code, error.message))


def translated(code: int, status: int, path: str, method: str) -> tuple[int, int]:
    """The code and status that a request for `path` is answered with, for those an error was raised with."""
    raised = (code, status)
    if path.startswith("/v2/"):
        return _MANAGEMENT.get(raised, raised)
    if code == BODY_INVALID:
        return _BODY_OF.get(method, BODY_INVALID), status
    return _LEGACY.get(raised, raised) if path.startswith("/api/v2/") else raised
