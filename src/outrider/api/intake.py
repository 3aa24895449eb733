"""The hot route: `POST /v2/events` and `POST /v2/operations`. 202 means committed.

`IntakeRoute` knows nothing of how a request arrives: `protocol.py` feeds it from the connection, and the ASGI
application those requests that take the long way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.types import Receive, Send

from outrider.api import errors
from outrider.api.bodies import decode
from outrider.api.credentials import carried, source_of
from outrider.api.models.intake import AcceptedList
from outrider.app.accept import BODY_TOO_LARGE, EventInput, Intake, OperationInput
from outrider.app.access import Access, Scope
from outrider.domain.errors import CallerError

EVENTS = "/v2/events"
OPERATIONS = "/v2/operations"
_encode = msgspec.json.Encoder().encode
JSON = (b"content-type", b"application/json")
_SENDS = (Scope.SEND,)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A complete JSON answer; `extra` are further headers."""

    status: int
    body: bytes
    extra: dict[str, str] = {}

    @property
    def closes(self) -> bool:
        """Whether what follows on the connection would be no request."""
        return self.extra.get("connection") == "close"

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Its headers."""
        fields = [JSON, (b"content-length", b"%d" % len(self.body))]
        return [*fields, *[(name.encode(), value.encode()) for name, value in self.extra.items()]]


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """Who sends, and whether nothing shall be delivered."""

    tenant: str
    prevented: bool


class IntakeRoute:
    """`request_bytes` bounds a whole body, an array of events included."""

    def __init__(self, intake: Intake, access: Access, request_bytes: int) -> None:
        self._intake = intake
        self._access = access
        self.request_bytes = request_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        try:
            admitted = self.admit(method, scope["query_string"], scope["headers"], source_of(scope["client"]))
            body = await read_body(receive, self.request_bytes)
        except Exception as error:
            answer = refusal(error, path, method)
        else:
            answer = await self.accept(path, admitted, body)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields()})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    def admit(
        self, method: str, query_string: bytes, headers: Iterable[tuple[bytes, bytes]], source: str
    ) -> Admitted:
        """What can be told before the body is there; `source` is the address it comes from. Raises CallerError."""
        if method != "POST":
            raise CallerError("Method not allowed", "send events by POST", code=7905, status=405)
        with_it = carried(query_string, headers)
        caller = self._access.authenticate(with_it.credentials, source)
        caller.need(_SENDS)
        return Admitted(caller.tenant, with_it.prevented)

    async def accept(self, path: str, admitted: Admitted, body: bytes) -> Answer:
        """The answer to a whole body sent to `path`, EVENTS or OPERATIONS."""
        tenant, prevented = admitted.tenant, admitted.prevented
        accept = self._intake
        try:
            if path == OPERATIONS:
                done = await accept.accept_operation(tenant, decode(body, OperationInput), prevented=prevented)
            elif body.lstrip()[:1] == b"[":
                done = await accept.accept_many(tenant, decode(body, list[EventInput]), prevented=prevented)
            else:
                done = await accept.accept_one(tenant, decode(body, EventInput), prevented=prevented)
        except Exception as error:
            return refusal(error, path)
        errors.accepted()
        return Answer(202, _encode(AcceptedList(done)))


def refusal(error: Exception, path: str, method: str = "POST") -> Answer:
    """What to answer instead of 202; `errors.problem` logs what is our fault."""
    found = errors.problem(error, path, method)
    headers = found.headers | ({"allow": "POST"} if found.status == 405 else {})
    return Answer(found.status, errors.encoded(found), headers)


def too_large(limit: int) -> CallerError:
    """A body of more than `limit` bytes."""
    return CallerError(
        "The request is too large",
        f"body: expected at most {limit} bytes, given more",
        code=BODY_TOO_LARGE,
        status=413,
        field="body",
        expected=f"at most {limit} bytes",
        given="more",
    )


def aborted() -> CallerError:
    """A body that ended before its end. Nobody hears the answer."""
    return CallerError("Request aborted", "the connection closed before the body ended", code=7900)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body, never more than `limit` bytes of it; more is answered 413."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise aborted()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)
