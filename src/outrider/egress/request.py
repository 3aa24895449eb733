"""The bytes of one POST (RFC 9112)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from outrider.ports.sender import Request

OURS = frozenset(("host", "content-length", "connection", "transfer-encoding"))
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HOST_NAME = re.compile(r"[0-9a-z_-]{1,63}(\.[0-9a-z_-]{1,63})*\.?")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Target(NamedTuple):
    """Where a URL points. `start` is the request line and `host` header, alike for every request to it."""

    host: str  # what is resolved: an A-label name (RFC 5890), or an IP literal without brackets
    port: int
    server_name: str  # what the certificate has to be for
    literal: bool
    start: bytes


class Unresolvable(Exception):
    """The URL's host cannot be a DNS name."""


@lru_cache(maxsize=2048)
def target_of(url: str) -> Target:
    """The target of an https URL. Raises ValueError for what callers have to refuse, or Unresolvable."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("expected an https URL with a host and without user info")
    if _SPACE_OR_CONTROL.search(url):
        raise ValueError("expected a URL without spaces and control characters")
    port = 443 if parts.port is None else parts.port
    host, literal = _host(parts.hostname)
    authority = host.rstrip(".") if ":" not in host else f"[{host}]"
    if port != 443:
        authority = f"{authority}:{port}"
    rest = url.partition("//")[2][len(parts.netloc) :].partition("#")[0]
    path = quote(rest if rest.startswith("/") else f"/{rest}", safe=_PRINTABLE)
    start = f"POST {path} HTTP/1.1\r\nhost: {authority}\r\n".encode("ascii")
    return Target(host, port, host.rstrip("."), literal, start)


def _host(text: str) -> tuple[str, bool]:
    try:
        address = ip_address(text)
    except ValueError:
        pass
    else:
        return (str(IPv6Address(int(address))) if address.version == 6 else str(address)), True
    try:
        name = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise Unresolvable from None
    if not _HOST_NAME.fullmatch(name) or len(name) > 254:
        raise Unresolvable
    return name, False


def request_bytes(target: Target, request: Request) -> bytes:
    """The whole request. Raises ValueError for a header that would break or contradict its framing."""
    headers = request.headers
    if _CONTROL.search("".join([value for _, value in headers])):
        raise ValueError("expected header values without control characters")
    lines = "".join([f"{_field(name)}{value}\r\n" for name, value in headers])
    end = f"content-length: {len(request.body)}\r\nconnection: keep-alive\r\n\r\n"
    return b"".join((target.start, lines.encode("latin-1"), end.encode("ascii"), request.body))


@lru_cache(maxsize=2048)
def _field(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"expected a header name of RFC 9110 token characters, given {name[:60]!r}")
    if name.lower() in OURS:
        raise ValueError(f"the sender sets {name.lower()} itself")
    return f"{name}: "
