"""From a host name to a TLS connection: resolve, check every address, dial exactly what was checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress

from outrider.domain.address import AddressPolicy
from outrider.domain.host import is_address
from outrider.egress.exchange import Connection
from outrider.egress.faults import NotConnected, OutOfSockets
from outrider.egress.names import Names, Resolve
from outrider.egress.pool import Pool
from outrider.egress.race import Address, first_connected, in_order
from outrider.egress.tls import certificate_fault
from outrider.egress.wire import Target
from outrider.ports.sender import FailureKind


class Parts:
    """Where the time of connecting went, in milliseconds; None for what did not happen."""

    __slots__ = ("connect_ms", "dns_ms", "tls_ms")

    def __init__(self) -> None:
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None


class Dialler:
    def __init__(
        self, policy: AddressPolicy, tls: ssl.SSLContext, body_cap: int, resolve: Resolve, pool: Pool
    ) -> None:
        self._policy = policy
        self._tls = tls
        self._body_cap = body_cap
        self._names = Names(resolve)
        self._pool = pool

    async def connect(self, aim: Target, parts: Parts) -> Connection:
        """A fresh connection; `parts` is filled as it goes. Raises NotConnected, and OutOfSockets when closing idle
        connections did not help either."""
        try:
            return await self._connect(aim, parts)
        except OutOfSockets:
            if not await self._pool.relieve():
                raise
        return await self._connect(aim, parts)

    async def _connect(self, aim: Target, parts: Parts) -> Connection:
        started = time.perf_counter()
        found = await self._names.find(aim.host, aim.port)
        if not is_address(aim.host):
            parts.dns_ms = _since(started)
        if any(self._policy.refusal(address[4][0]) for address in found):
            raise NotConnected(FailureKind.REFUSED_BY_POLICY, "the host has an address outside the egress policy")
        started = time.perf_counter()
        sock = await self._reach(found)
        parts.connect_ms = _since(started)
        started = time.perf_counter()
        connection = await self._handshake(sock, aim.server_name)
        parts.tls_ms = _since(started)
        return connection

    async def _reach(self, found: list[Address]) -> socket.socket:
        try:
            return await first_connected(in_order(found), self._pool)
        except OSError as fault:
            reason = "refused" if isinstance(fault, ConnectionRefusedError) else "not possible"
            raise NotConnected(FailureKind.CONNECT, f"the connection was {reason}") from fault

    async def _handshake(self, sock: socket.socket, server_name: str) -> Connection:
        loop = asyncio.get_running_loop()
        connection = None
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self._body_cap, loop),
                sock=sock,
                ssl=self._tls,
                server_hostname=server_name,
                ssl_handshake_timeout=60,
            )
        except ssl.SSLCertVerificationError as error:
            raise NotConnected(FailureKind.CERTIFICATE, certificate_fault(error)) from error
        except (ssl.SSLError, OSError) as error:
            raise NotConnected(FailureKind.TLS, "the TLS handshake failed") from error
        finally:
            if connection is None:
                _abandon(sock, loop)
        return connection


def _abandon(sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
    """`create_connection` failed or was given up after it took the socket: its transport closes the descriptor.

    uvloop's does so, and when the peer resets at once it forgets to tell the socket object (seen in 0.23), which
    would then close whatever has that number by now: a file of the store, another receiver's connection. asyncio's
    closes this very object; one that was given up before its first turn goes on with the handshake (seen in 3.11),
    and ends when there is nothing to read.
    """
    if not isinstance(loop, asyncio.BaseEventLoop):
        sock.detach()
        return
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
