"""Sending one prepared HTTP request. Used by `dispatch/attempt.py`, implemented in `egress/`."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Request(msgspec.Struct, frozen=True, gc=False):
    """One POST, complete but for `host`, `content-length` and `connection`, which the sender adds.

    `fixed` are headers that requests to this receiver have in common, `headers` those of this one.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_ms: int  # total: from the first DNS query to the last byte of the answer
    fixed: tuple[tuple[str, str], ...] = ()


class Timing(msgspec.Struct, frozen=True, gc=False):
    """Where an attempt's time went, in milliseconds; None where the part did not happen."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    wait_ms: float | None = None  # request written to first byte of the answer
    read_ms: float | None = None  # first to last byte of the answer
    total_ms: float = 0.0


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What the receiver answered: header names in lower case, body cut at the sender's cap."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_cut: bool
    timing: Timing


class FailureKind(StrEnum):
    """Why there is no usable answer, by exception type and errno, never by message text."""

    DNS = "dns"  # the name does not resolve
    REFUSED_BY_POLICY = "address_refused"  # an address of the name is outside the egress policy
    CONNECT = "connect"  # TCP: refused, unreachable, reset before a connection stood
    TLS = "tls"  # handshake failed
    CERTIFICATE = "certificate"  # chain, name or date not acceptable
    TIMEOUT = "timeout"  # the total deadline passed
    RESET = "reset"  # the connection broke before a whole answer
    PROTOCOL = "protocol"  # not HTTP/1.1, or headers beyond every limit


class Failure(msgspec.Struct, frozen=True, gc=False):
    """No usable answer. `detail` is one sentence for a person, without secrets or body bytes."""

    kind: FailureKind
    detail: str
    timing: Timing


class Sender(Protocol):
    """Sends; never raises for anything a receiver or the network does."""

    async def send(self, request: Request) -> Reply | Failure:
        """Raises OurError when this process cannot send at all now: too few descriptors, say."""
        ...

    async def close(self) -> None:
        """Close kept-open connections. Idempotent."""
        ...
