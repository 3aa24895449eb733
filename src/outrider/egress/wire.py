"""The request's bytes (RFC 9112) and where it goes."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit

import msgspec

from outrider.domain.host import canonical_host
from outrider.ports.sender import Request

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE = re.compile(r"[^\x20-\x7e\t]")


class Target(msgspec.Struct, frozen=True):
    """Where a URL points: its canonical host, for DNS; the same without its final dot, for TLS (RFC 6066,
    section 3); and the bytes that open its requests."""

    host: str
    server_name: str
    port: int
    opening: bytes


@lru_cache(4096)
def target(url: str, fixed: tuple[tuple[str, str], ...]) -> Target:
    """Where to send, and the bytes all requests there begin with: request line, our headers, then `fixed`.

    Raises ValueError for a URL that is not https or has no host, and for a header that would break the request:
    callers checked both when they were set. Raises UnusableHost for a host that was saved when it could be dialled.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() != "https" or not parts.hostname:
        raise ValueError("only https URLs with a host are sent to")
    host = canonical_host(parts.hostname)
    port = parts.port or 443
    shown = f"[{host}]" if ":" in host else host
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~-._") if parts.query else ""
    authority = shown if port == 443 else f"{shown}:{port}"
    opening = f"POST {path}{query} HTTP/1.1\r\nhost: {authority}\r\nconnection: keep-alive\r\n"
    return Target(host, host.removesuffix("."), port, (opening + _lines(fixed)).encode("ascii"))


def request_bytes(opening: bytes, request: Request) -> bytes:
    """The whole request. Raises ValueError for a header that would break it."""
    head = f"{_lines(request.headers)}content-length: {len(request.body)}\r\n\r\n".encode("ascii")
    return b"".join((opening, head, request.body))


def _lines(headers: tuple[tuple[str, str], ...]) -> str:
    for name, value in headers:
        # The common value is told safe by the two cheap looks.
        plain = value.isascii() and value.isprintable()
        if not _is_token(name) or not (plain or _UNSAFE.search(value) is None):
            raise ValueError(f"header {name!r} cannot be sent")
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


@lru_cache(4096)
def _is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None
