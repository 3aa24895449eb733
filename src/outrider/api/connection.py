"""HTTP/1.1 connections: uvicorn's, with JSON for what is no request.

LoginRadius' Node SDK counts characters as bytes, so the end of a body with other than ASCII characters follows
its request as if it were the next one. uvicorn would answer that at once, before the request it belongs to.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from outrider.api import errors
from outrider.domain.errors import CallerError

INVALID_REQUEST = 7900


class Connection(HttpToolsProtocol):
    """Requests that arrived whole are answered; then the connection closes."""

    cycle: Any  # the latest request, None before the first one

    def send_400_response(self, msg: str) -> None:
        """Called for every piece of input that is no HTTP."""
        last: RequestResponseCycle | None = self.cycle
        if last is None or last.more_body or last.response_complete:
            self._refuse(msg)
        else:
            last.keep_alive = False

    def _refuse(self, msg: str) -> None:
        error = CallerError(
            "The request is not HTTP", f"{msg} Is the Content-Length in bytes?", code=INVALID_REQUEST
        )
        body = errors.encoded(errors.problem(error, "", ""))
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()
