"""`ports.sender.Sender`: POST over kept-open TLS connections under one total deadline."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time

from outrider.domain.address import AddressPolicy
from outrider.domain.errors import OurError
from outrider.domain.host import UnusableHost
from outrider.egress.dial import Dialler, Parts
from outrider.egress.exchange import Answer, Broken, Connection, Malformed
from outrider.egress.faults import NotConnected, OutOfSockets
from outrider.egress.names import Resolve, SystemResolve
from outrider.egress.pool import Peer, Pool
from outrider.egress.wire import Target, request_bytes, target
from outrider.ports.sender import Failure, FailureKind, Reply, Request, Timing

log = logging.getLogger("outrider.sender")
BODY_CAP = 4096
CONNECTIONS = 256  # a quarter of the descriptors that most systems give a process
COMPLAINT_EVERY_S = 60.0


class HttpSender:
    """Sends each request exactly once: there is no hidden second try.

    A connection is reused only while its peer has not closed it; a request that was written and not answered
    is a failure, whatever the connection's age. There are at most `connections` of them, idle ones included.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        tls: ssl.SSLContext,
        *,
        body_cap: int = BODY_CAP,
        connections: int = CONNECTIONS,
        resolve: Resolve | None = None,
    ) -> None:
        self._quiet_until = 0.0
        self._system = SystemResolve()
        self._pool = Pool(connections)
        self._dialler = Dialler(policy, tls, body_cap, resolve or self._system, self._pool)

    async def send(self, request: Request) -> Reply | Failure:
        """Never raises for what a receiver or the network does; ValueError for an unsendable request, OurError when
        this process has no connection to give."""
        parts = Parts()
        started = time.perf_counter()
        try:
            aim = target(request.url, request.fixed)
        except UnusableHost:
            return _failure(FailureKind.DNS, "the host name cannot be looked up", parts, started)
        content = request_bytes(aim.opening, request)
        deadline = asyncio.get_running_loop().time() + request.timeout_ms / 1000
        peer = (aim.host, aim.port)
        kept = used = self._take(peer, started)
        now = started
        try:
            used = kept or await self._connected(aim, parts, deadline)
            written = started if kept else time.perf_counter()
            answer = await used.exchange(content, deadline)
            now = answer.done_at
            return _reply(answer, parts, started, written)
        except TimeoutError:
            limit = f"{request.timeout_ms / 1000:g}"
            return _failure(FailureKind.TIMEOUT, f"no whole answer within {limit} s", parts, started)
        except NotConnected as error:
            return _failure(error.kind, error.detail, parts, started)
        except Malformed as error:
            return _failure(FailureKind.PROTOCOL, str(error), parts, started)
        except Broken:
            return _failure(FailureKind.RESET, "the connection broke before a whole answer", parts, started)
        finally:
            self._pool.give(peer, used, now)

    async def close(self) -> None:
        self._pool.close()
        await self._system.close()
        await asyncio.sleep(0)

    def _take(self, peer: Peer, now: float) -> Connection | None:
        try:
            return self._pool.take(peer, now)
        except OutOfSockets as error:
            self._complain(error)
            raise

    async def _connected(self, aim: Target, parts: Parts, deadline: float) -> Connection:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._dialler.connect(aim, parts)
        except OurError as error:
            self._complain(error)
            raise

    def _complain(self, error: OurError) -> None:
        """Once in a while: every delivery would say the same."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINT_EVERY_S
            log.warning("deliveries wait: %s; %d outgoing connections are open", error, self._pool.open)


def _reply(answer: Answer, parts: Parts, started: float, written: float) -> Reply:
    timing = Timing(
        dns_ms=parts.dns_ms,
        connect_ms=parts.connect_ms,
        tls_ms=parts.tls_ms,
        wait_ms=(answer.first_at - written) * 1000,
        read_ms=(answer.done_at - answer.first_at) * 1000,
        total_ms=(answer.done_at - started) * 1000,
    )
    return Reply(answer.status, tuple(answer.headers), answer.body, answer.cut, timing)


def _failure(kind: FailureKind, detail: str, parts: Parts, started: float) -> Failure:
    timing = Timing(
        dns_ms=parts.dns_ms,
        connect_ms=parts.connect_ms,
        tls_ms=parts.tls_ms,
        total_ms=(time.perf_counter() - started) * 1000,
    )
    return Failure(kind, detail, timing)
