"""From a host name to a TLS connection: resolve, check every address, dial exactly what was checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from outrider.domain.address import AddressPolicy
from outrider.egress.exchange import Connection
from outrider.egress.tls import certificate_fault
from outrider.ports.sender import FailureKind

DNS_KEPT_S = 10.0
RESOLVING = 64  # host names at a time
Resolve = Callable[[str, int], Awaitable[list[tuple[Any, ...]]]]


class NotConnected(Exception):
    """No connection: `kind` and a sentence for a person."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Parts:
    """Where the time of connecting went, in milliseconds; None for what did not happen."""

    __slots__ = ("connect_ms", "dns_ms", "tls_ms")

    def __init__(self) -> None:
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None


class SystemResolve:
    """The operating system's resolver, as `getaddrinfo` answers, on threads of its own.

    A name server that hangs holds a thread for each host name that hangs, and nobody else's.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


class Dialler:
    def __init__(self, policy: AddressPolicy, tls: ssl.SSLContext, body_cap: int, resolve: Resolve) -> None:
        self._policy = policy
        self._tls = tls
        self._body_cap = body_cap
        self._resolve = resolve
        self._names: dict[tuple[str, int], tuple[float, list[tuple[Any, ...]]]] = {}
        self._asked: dict[tuple[str, int], asyncio.Future[list[tuple[Any, ...]]]] = {}

    async def connect(self, host: str, port: int, parts: Parts) -> Connection:
        """A fresh connection; `parts` is filled as it goes. Raises NotConnected."""
        started = time.perf_counter()
        found = await self._addresses(host, port)
        parts.dns_ms = _since(started)
        if any(self._policy.refusal(entry[4][0]) for entry in found):
            raise NotConnected(FailureKind.REFUSED_BY_POLICY, "the host has an address outside the egress policy")
        started = time.perf_counter()
        sock = await self._first(found)
        parts.connect_ms = _since(started)
        started = time.perf_counter()
        connection = await self._handshake(sock, host)
        parts.tls_ms = _since(started)
        return connection

    async def _addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        now = time.monotonic()
        known = self._names.get((host, port))
        if known is not None and known[0] > now:
            return known[1]
        try:
            found = await asyncio.shield(self._question(host, port))
        except (OSError, UnicodeError) as error:
            raise NotConnected(FailureKind.DNS, "the host name does not resolve") from error
        if not found:
            raise NotConnected(FailureKind.DNS, "the host name has no address")
        if len(self._names) > 10_000:
            self._names.clear()
        self._names[host, port] = (now + DNS_KEPT_S, found)
        return found

    def _question(self, host: str, port: int) -> asyncio.Future[list[tuple[Any, ...]]]:
        """One question at a time for each name, shared by everybody who wants to know."""
        asked = self._asked.get((host, port))
        if asked is None:
            asked = self._asked[host, port] = asyncio.ensure_future(self._resolve(host, port))
            asked.add_done_callback(lambda done: self._answered(host, port, done))
        return asked

    def _answered(self, host: str, port: int, done: asyncio.Future[list[tuple[Any, ...]]]) -> None:
        del self._asked[host, port]
        if not done.cancelled():
            done.exception()  # seen, also when everybody who asked has given up

    async def _first(self, found: list[tuple[Any, ...]]) -> socket.socket:
        """The first address that takes a connection, in the resolver's order."""
        fault: OSError | None = None
        for family, _, _, _, address in found:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.get_running_loop().sock_connect(sock, address)
            except OSError as error:
                sock.close()
                fault = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        reason = "refused" if isinstance(fault, ConnectionRefusedError) else "not possible"
        raise NotConnected(FailureKind.CONNECT, f"the connection was {reason}") from fault

    async def _handshake(self, sock: socket.socket, host: str) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self._body_cap, loop),
                sock=sock,
                ssl=self._tls,
                server_hostname=host,
                ssl_handshake_timeout=60,
            )
        except ssl.SSLCertVerificationError as error:
            raise NotConnected(FailureKind.CERTIFICATE, certificate_fault(error)) from error
        except (ssl.SSLError, OSError) as error:
            raise NotConnected(FailureKind.TLS, "the TLS handshake failed") from error
        except BaseException:
            sock.close()
            raise
        return connection


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
