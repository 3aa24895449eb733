"""Success bodies that LoginRadius' SDKs take for what they are.

The Java SDK takes a 200 whose text contains `description` or `Description` for an error, the .NET SDK one that
contains `errorCode`; a webhook may well be called so. JSON lets any character of a string be written as an escape:
the text no longer contains the word, the value is the same.
"""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.serialization import default_serializer
from litestar.types import Serializer

# The escaped letter cannot belong to an escape already there: `s` is no hexadecimal digit, and `C` follows an `r`.
_ESCAPED = (
    (b"description", rb"de\u0073cription"),
    (b"Description", rb"De\u0073cription"),
    (b"errorCode", rb"error\u0043ode"),
)


def client_safe(body: bytes) -> bytes:
    """The same JSON without the words; they may stand in its strings only."""
    for word, escaped in _ESCAPED:
        body = body.replace(word, escaped)
    return body


class ClientSafe(Response[Any]):
    """For the calls that LoginRadius' SDKs make."""

    def render(self, content: Any, media_type: str, enc_hook: Serializer = default_serializer) -> bytes:
        return client_safe(super().render(content, media_type, enc_hook))
