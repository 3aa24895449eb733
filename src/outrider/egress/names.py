"""From host names to addresses, without threads: a name that hangs holds up a question of its own, nothing else."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import aiodns
import pycares

from outrider.domain.errors import OurError
from outrider.domain.host import is_address
from outrider.egress.faults import NotConnected, OutOfSockets, sockets_are_short
from outrider.egress.race import Address
from outrider.ports.sender import FailureKind

KEPT_S = 10.0
FAILURE_KEPT_S = 2.0  # shorter than the first wait between attempts
NAMES_KEPT = 2_000  # c-ares keeps answers as well, so asking again is cheap
ASKED_AT_ONCE = 8_192
ASKED_FOR_S = 60.0  # far longer than c-ares asks: no name stays asked for ever
ADDRESSES = 32  # of a name; what a resolver says beyond is neither judged nor dialled
FIRST_TRY_S = 0.5  # c-ares' wait for a name server that it knows nothing of; later it goes by what answers take,
TRIES = 5  # and doubles the wait with every try: five to thirteen seconds in all
RECORDS_CACHED = 20_000  # by c-ares, which keeps what it was told as long as the records allow and sets no bound
Resolve = Callable[[str, int], Awaitable[list[Address]]]


class Names:
    """The addresses of hosts. One question at a time for each name, shared by everybody who wants to know; answers
    are kept for KEPT_S, failures for FAILURE_KEPT_S. An address needs no question."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._known: OrderedDict[tuple[str, int], tuple[float, list[Address]]] = OrderedDict()  # none: no answer
        self._asked: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    async def find(self, host: str, port: int) -> list[Address]:
        """At least one address, of a canonical host. Raises NotConnected, OurError."""
        if is_address(host):
            return [_literal(host, port)]
        known = self._known.get((host, port))
        if known is None or known[0] <= time.monotonic():
            found = await asyncio.shield(self._question(host, port))
        else:
            found = known[1]
        if not found:
            raise NotConnected(FailureKind.DNS, "the host name does not resolve")
        return found

    def _question(self, host: str, port: int) -> asyncio.Future[list[Address]]:
        asked = self._asked.get((host, port))
        if asked is None:
            if len(self._asked) >= ASKED_AT_ONCE:
                raise OurError(f"{ASKED_AT_ONCE} host names are being looked up at once")
            asked = self._asked[host, port] = asyncio.ensure_future(self._ask(host, port))
            asked.add_done_callback(lambda done: self._answered(host, port, done))
        return asked

    async def _ask(self, host: str, port: int) -> list[Address]:
        """No address when there is no answer, or none with one."""
        try:
            async with asyncio.timeout(ASKED_FOR_S):
                found = (await self._resolve(host, port))[:ADDRESSES]
        except (OSError, UnicodeError) as error:
            if sockets_are_short():
                raise OutOfSockets("this process can open no more sockets") from error
            found = []
        self._known.pop((host, port), None)
        if len(self._known) >= NAMES_KEPT:
            self._known.popitem(last=False)
        self._known[host, port] = (time.monotonic() + (KEPT_S if found else FAILURE_KEPT_S), found)
        return found

    def _answered(self, host: str, port: int, done: asyncio.Future[list[Address]]) -> None:
        del self._asked[host, port]
        if not done.cancelled():
            done.exception()  # seen, also when everybody who asked has given up


class SystemResolve:
    """What /etc/hosts and the name servers of /etc/resolv.conf say (search domains and options as there, but for
    timeout and attempts), asked by c-ares. An answer is sorted by RFC 6724.

    `servers` are asked instead of those of /etc/resolv.conf, each with its port when it has one.
    """

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = servers
        self._asker: _Asker | None = None

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Raises OSError when there is no answer, OurError when nobody can be asked."""
        if self._asker is not None and self._asker.cached >= RECORDS_CACHED:
            await self._asker.retire()
            self._asker = None
        if self._asker is None:
            self._asker = _Asker(self._servers)
        return await self._asker.ask(host, port)

    async def close(self) -> None:
        """Give up what is asked. Idempotent."""
        asker, self._asker = self._asker, None
        if asker is not None:
            await asker.close()


class _Asker:
    """c-ares with its cache, which ends with it."""

    def __init__(self, servers: Sequence[str]) -> None:
        try:
            self._dns = aiodns.DNSResolver(servers or None, timeout=FIRST_TRY_S, tries=TRIES)
        except pycares.AresError as error:
            raise OurError("no resolver can be made") from error
        self._asked = 0
        self._retired = False
        self.cached = 0  # records, at most

    async def ask(self, host: str, port: int) -> list[Address]:
        self._asked += 1
        try:
            found = await self._dns.getaddrinfo(host, port=port, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            self.cached += 1
            raise OSError(error.args[-1]) from error
        finally:
            self._asked -= 1
            if self._retired and not self._asked:
                await self.close()
        self.cached += 1 + len(found.nodes)
        return [_address(node) for node in found.nodes]

    async def retire(self) -> None:
        """Close, as soon as what is asked has its answer."""
        self._retired = True
        if not self._asked:
            await self.close()

    async def close(self) -> None:
        await self._dns.close()


def _literal(host: str, port: int) -> Address:
    if ":" in host:
        return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


def _address(node: pycares.AddrInfoNode) -> Address:
    host, *rest = cast("tuple[bytes, int]", node.addr)
    return (node.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host.decode(), *rest))
