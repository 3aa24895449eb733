"""Error answers: LoginRadius' body with an integer `ErrorCode`, and ours beside it where a field is to blame."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from msgspec.structs import replace

from outrider.api.codes import BODIES_INVALID, coded
from outrider.api.models.common import Error, FieldError
from outrider.app.reading import BODY_TOO_LARGE
from outrider.domain.errors import CallerError, InvalidField, OurError, Throttled
from outrider.domain.outage import Outage

log = logging.getLogger("outrider.api")
_outage = Outage()  # of the process, whoever asked


class Problem(msgspec.Struct, frozen=True):
    """An error on its way out: HTTP status, JSON body, extra headers."""

    status: int
    body: Error
    headers: dict[str, str]


def problem(error: Exception, path: str, method: str) -> Problem:
    """What to answer to a request for `path`; logs what is our fault, and tells the caller nothing of it."""
    if isinstance(error, CallerError):
        return _of_caller(error, path, method)
    if isinstance(error, OurError):
        if told := _outage.failed(str(error), time.monotonic()):
            log.warning("answered 503: %s", told)
        return unavailable(error.hint, error.retry_after)
    log.error("answered 500", exc_info=error)
    return Problem(500, _body(7909, "Operation failed due to an internal error", "the fault is ours"), {})


def accepted() -> None:
    """Called for every request to the hot route that was answered 202."""
    if told := _outage.worked(time.monotonic):
        log.warning("accepts again %s", told)


def unavailable(description: str, retry_after: int = OurError.retry_after) -> Problem:
    """What cannot be done now, to be tried again after so many seconds."""
    body = _body(7910, "Service temporarily unavailable", description)
    return Problem(503, body, {"retry-after": str(retry_after)})


def _of_caller(error: CallerError, path: str, method: str) -> Problem:
    found = coded(error, path, method)
    body = _body(found.code, found.message, error.description)
    if error.field is not None:
        named = FieldError(FieldName=error.field, ErrorMessage=f"expected {error.expected}")
        body = replace(body, Errors=[named], Field=error.field, Expected=error.expected, Given=error.given)
    return Problem(found.status, body, _headers(error))


def _headers(error: CallerError) -> dict[str, str]:
    if isinstance(error, Throttled):
        return {"retry-after": str(error.retry_after)}
    # What follows is the end of this body, no request: unread, or cut off by a wrong Content-Length.
    return {"connection": "close"} if error.code in BODIES_INVALID or error.status == 413 else {}


def _body(code: int, message: str, description: str) -> Error:
    return Error(Description=description, ErrorCode=code, Message=message)


def encoded(found: Problem) -> bytes:
    return msgspec.json.encode(found.body)


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    found = problem(_ours(request, error), request.scope["path"], request.method)
    headers = found.headers | _allowed(error)
    return Response(encoded(found), status_code=found.status, media_type="application/json", headers=headers)


def _allowed(error: Exception) -> dict[str, str]:
    """The methods that a path takes, for 405 (RFC 9110, section 15.5.6)."""
    if isinstance(error, MethodNotAllowedException) and error.headers:
        allow = {name.strip() for name in error.headers["allow"].split(",")} - {"OPTIONS"}
        return {"allow": ", ".join(sorted(allow))}
    return {}


def _ours(request: Request[Any, Any, Any], error: Exception) -> Exception:
    """Litestar's own exceptions as ours."""
    if isinstance(error, NotFoundException):
        return _plain(404, 7904, "Not found", f"no such path: {request.url.path[:120]}")
    if isinstance(error, MethodNotAllowedException):
        return _plain(
            405, 7905, "Method not allowed", f"this path takes {_allowed(error).get('allow', 'no method')}"
        )
    if isinstance(error, ValidationException):
        return _parameter(error)
    if isinstance(error, RequestEntityTooLarge):
        return _plain(413, BODY_TOO_LARGE, "The request is too large", "send a shorter body")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _plain(error.status_code, 7900, "A parameter is not formatted correctly", error.detail)
    return error


def _parameter(error: ValidationException) -> CallerError:
    """A query parameter that does not convert."""
    extra = error.extra if isinstance(error.extra, list) and error.extra else [{}]
    first = extra[0] if isinstance(extra[0], dict) else {}
    message = str(first.get("message", "another type"))
    expected, _, given = message.removeprefix("Expected ").partition(", got ")
    return InvalidField(str(first.get("key", "query")), expected.strip("`"), given.strip("`") or "something else")


def _plain(status: int, code: int, message: str, description: str) -> CallerError:
    return CallerError(message, description, code=code, status=status)
