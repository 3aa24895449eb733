"""`ports.sender.Sender`: POST over kept-open TLS connections under one total deadline."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque

from outrider.domain.address import AddressPolicy
from outrider.egress.dial import Dialler, NotConnected, Parts, Resolve, SystemResolve
from outrider.egress.exchange import Broken, Connection, Malformed
from outrider.egress.wire import Target, request_bytes, target
from outrider.ports.sender import Failure, FailureKind, Reply, Request, Timing

BODY_CAP = 4096
IDLE_S = 20.0
IDLE_PER_HOST = 512  # webhooks often share a host; each may have 64 attempts under way


class HttpSender:
    """Sends each request exactly once: there is no hidden second try.

    A connection is reused only while its peer has not closed it; a request that was written and not answered
    is a failure, whatever the connection's age.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        tls: ssl.SSLContext,
        *,
        body_cap: int = BODY_CAP,
        resolve: Resolve | None = None,
    ) -> None:
        self._dialler = Dialler(policy, tls, body_cap, resolve or SystemResolve())
        self._idle: dict[tuple[str, int], deque[Connection]] = {}

    async def send(self, request: Request) -> Reply | Failure:
        """Never raises for what a receiver or the network does; ValueError for an unsendable request."""
        aim = target(request.url, request.fixed)
        content = request_bytes(aim.opening, request)
        parts = Parts()
        started = written = time.perf_counter()
        deadline = asyncio.get_running_loop().time() + request.timeout_ms / 1000
        try:
            connection = self._kept(aim, started)
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await self._dialler.connect(aim.host, aim.port, parts)
                written = time.perf_counter()
            try:
                answer = await connection.exchange(content, deadline)
            except BaseException:
                connection.close()
                raise
        except TimeoutError:
            limit = f"{request.timeout_ms / 1000:g}"
            return _failure(FailureKind.TIMEOUT, f"no whole answer within {limit} s", parts, started)
        except NotConnected as error:
            return _failure(error.kind, error.detail, parts, started)
        except Malformed as error:
            return _failure(FailureKind.PROTOCOL, str(error), parts, started)
        except Broken:
            return _failure(FailureKind.RESET, "the connection broke before a whole answer", parts, started)
        timing = Timing(
            dns_ms=parts.dns_ms,
            connect_ms=parts.connect_ms,
            tls_ms=parts.tls_ms,
            wait_ms=(answer.first_at - written) * 1000,
            read_ms=(answer.done_at - answer.first_at) * 1000,
            total_ms=(answer.done_at - started) * 1000,
        )
        self._keep(aim, connection, answer.done_at)
        return Reply(answer.status, tuple(answer.headers), answer.body, answer.cut, timing)

    async def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        await asyncio.sleep(0)

    def _kept(self, aim: Target, now: float) -> Connection | None:
        """The most recently used live connection; stale ones are closed on the way."""
        idle = self._idle.get((aim.host, aim.port))
        while idle:
            connection = idle.pop()
            if connection.alive and now - connection.idle_since < IDLE_S:
                return connection
            connection.close()
        return None

    def _keep(self, aim: Target, connection: Connection, now: float) -> None:
        idle = self._idle.get((aim.host, aim.port))
        if idle is None:
            idle = self._idle[aim.host, aim.port] = deque()
        if not (connection.reusable and connection.alive and len(idle) < IDLE_PER_HOST):
            connection.close()
            if not idle:
                del self._idle[aim.host, aim.port]
            return
        connection.idle_since = now
        idle.append(connection)


def _failure(kind: FailureKind, detail: str, parts: Parts, started: float) -> Failure:
    timing = Timing(
        dns_ms=parts.dns_ms,
        connect_ms=parts.connect_ms,
        tls_ms=parts.tls_ms,
        total_ms=(time.perf_counter() - started) * 1000,
    )
    return Failure(kind, detail, timing)
