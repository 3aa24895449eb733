"""The hot route, plain ASGI: `POST /v2/events` and `POST /v2/operations`. 202 means committed."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.types import Receive, Send

from outrider.api import errors
from outrider.api.bodies import decode
from outrider.api.credentials import carried
from outrider.api.models.intake import AcceptedList
from outrider.app import access
from outrider.app.accept import BODY_TOO_LARGE, Accepted, EventInput, Intake, OperationInput
from outrider.app.access import Access
from outrider.domain.errors import CallerError

EVENTS = "/v2/events"
OPERATIONS = "/v2/operations"
_encode = msgspec.json.Encoder().encode


class IntakeRoute:
    """`request_bytes` bounds a whole body, an array of events included."""

    def __init__(self, intake: Intake, access: Access, request_bytes: int) -> None:
        self._intake = intake
        self._access = access
        self._request_bytes = request_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            accepted = await self._accept(scope, receive)
        except Exception as error:
            found = errors.problem(error, scope["path"], scope["method"])
            headers = found.headers | ({"allow": "POST"} if found.status == 405 else {})
            await answer(send, found.status, errors.encoded(found), headers)
        else:
            await answer(send, 202, _encode(AcceptedList(accepted)), {})

    async def _accept(self, scope: Any, receive: Receive) -> list[Accepted]:
        if scope["method"] != "POST":
            raise CallerError("Method not allowed", "send events by POST", code=7905, status=405)
        with_it = carried(scope["query_string"], scope["headers"])
        tenant = self._access.authenticate(with_it.credentials, access.Scope.SEND)
        body = await read_body(receive, self._request_bytes)
        prevented = with_it.prevented
        if scope["path"] == OPERATIONS:
            return await self._intake.accept_operation(tenant, decode(body, OperationInput), prevented=prevented)
        if body.lstrip()[:1] == b"[":
            return await self._intake.accept_many(tenant, decode(body, list[EventInput]), prevented=prevented)
        return await self._intake.accept_one(tenant, decode(body, EventInput), prevented=prevented)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body, never more than `limit` bytes of it; more is answered 413."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise CallerError("Request aborted", "the connection closed before the body ended", code=7900)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise CallerError(
                "The request is too large",
                f"body: expected at most {limit} bytes, given more",
                code=BODY_TOO_LARGE,
                status=413,
                field="body",
                expected=f"at most {limit} bytes",
                given="more",
            )
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    """One complete JSON answer."""
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    fields += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})
