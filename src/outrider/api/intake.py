"""The hot route: `POST /v2/events` and `POST /v2/operations`. 202 means committed.

`IntakeRoute` knows nothing of how a request arrives: `protocol.py` feeds it from the connection, and the ASGI
application those requests that take the long way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from functools import partial
from typing import Any

import msgspec
from litestar.types import Receive, Send

from outrider.api import arrays, errors
from outrider.api.bodies import decode
from outrider.api.credentials import carried, source_of
from outrider.api.models.intake import AcceptedList
from outrider.api.room import Room, holding
from outrider.api.turn import Turn
from outrider.app.accept import Accepted, Intake
from outrider.app.access import Access, Scope
from outrider.app.reading import BODY_TOO_LARGE, EventInput, OperationInput
from outrider.domain.errors import CallerError
from outrider.ports.work import Work

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
    """`request_bytes` bounds a whole body, an array of events included; `event_bytes` a payload."""

    def __init__(
        self,
        intake: Intake,
        access: Access,
        work: Work,
        room: Room,
        turn: Turn,
        *,
        request_bytes: int,
        event_bytes: int,
    ) -> None:
        self._intake = intake
        self._access = access
        self._work = work
        self.room = room
        self.turn = turn
        self.request_bytes = request_bytes
        self._event_bytes = event_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        try:
            admitted = self.admit(method, scope["query_string"], scope["headers"], source_of(scope["client"]))
        except Exception as error:
            answer = refusal(error, path, method)
        else:
            async with holding(self.room, scope, receive, lambda: admitted.tenant, self.request_bytes) as receive_:
                answer = await self._received(path, admitted, receive_)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields()})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _received(self, path: str, admitted: Admitted, receive: Receive) -> Answer:
        try:
            body = [await read_body(receive, self.request_bytes)]
        except Exception as error:
            return refusal(error, path)
        return await self.accept(path, admitted, body)

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

    async def accept(self, path: str, admitted: Admitted, chunks: list[bytes]) -> Answer:
        """The answer to a whole body sent to `path`, EVENTS or OPERATIONS. The list is empty on return: a large
        body is let go as soon as its events are read."""
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        try:
            if len(body) <= arrays.LARGE:
                given = self._decoded(path, body)
            else:
                given = await self._work.run(admitted.tenant, partial(self._decoded, path, body))
            del body
            done = await self._store(admitted, given)
        except Exception as error:
            return refusal(error, path)
        errors.accepted()
        return Answer(202, _encode(AcceptedList(done)))

    def _decoded(self, path: str, body: bytes) -> EventInput | OperationInput | list[EventInput]:
        if path == OPERATIONS:
            return arrays.operation(body, self._event_bytes)
        if body[:1] != b"{" and arrays.is_array(body):
            return arrays.events(body, self._event_bytes)
        if len(body) > arrays.longest(self._event_bytes):
            raise too_large(arrays.longest(self._event_bytes))
        return decode(body, EventInput)

    def _store(
        self, admitted: Admitted, given: EventInput | OperationInput | list[EventInput]
    ) -> Awaitable[list[Accepted]]:
        tenant, prevented = admitted.tenant, admitted.prevented
        if isinstance(given, EventInput):
            return self._intake.accept_one(tenant, given, prevented=prevented)
        if isinstance(given, OperationInput):
            return self._intake.accept_operation(tenant, given, prevented=prevented)
        return self._intake.accept_many(tenant, given, prevented=prevented)


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
