"""The generator: HTTP/1.1 over kept-open plain connections, one request at a time on each, no pipelining.

Closed loop (`rate` None): every connection sends again as soon as it is answered. Open loop: requests are due at
`rate` a second whatever the answers do, and latency counts from when a request was due, so that a stall is felt
by every request it delays. `SentNs` in the body is that same instant (time.time_ns).

The target, the headers and the event's template are parameters: the same generator drives every product.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import secrets
import time
from array import array
from collections import Counter, deque
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from bench.common import percentiles, pin

LOGIN = (
    b'{"Event":"Login","Data":{"Uid":"%032x","SentNs":%d,"ID":"4d1a7f0e9c3b4b6fa2d85e7c6f1b0a93","Provider":"Email",'
    b'"UserName":"rosa.lindt","FirstName":"Rosa","LastName":"Lindt","FullName":"Rosa Lindt",'
    b'"Email":[{"Type":"Primary","Value":"rosa.lindt@example.com"}],"PhoneId":"+4915112345678",'
    b'"Country":{"Code":"DE","Name":"Germany"},"LastLoginLocation":"Hamburg, Germany",'
    b'"RegistrationSource":"https://shop.example.com/register","SignupDate":"2026-01-12T10:02:11.000Z",'
    b'"LastLoginDate":"2026-05-20T17:45:09.120Z","EmailVerified":true,"IsActive":true,"IsDeleted":false,'
    b'"NoOfLogins":12,"CustomFields":{"CustomerNumber":"K-20391"}}}'
)
_TICK_S = 0.0002  # the open loop looks at the clock this often, or once for each request when they are rarer
_CLOCK_MONOTONIC, _TFD_NONBLOCK = 1, 0o4000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `template` takes the Uid (%032x) and SentNs (%d), in this order; both have a fixed width."""

    host: str
    port: int
    requests: int
    path: str = "/v2/events"
    headers: tuple[tuple[str, str], ...] = ()
    template: bytes = LOGIN
    batch: int = 1  # events in a request; more than one makes the body an array
    connections: int = 64
    rate: float | None = None  # requests a second
    deadline_s: float = 300.0


class Result(msgspec.Struct, frozen=True):
    """`events` were in requests answered 2xx, `rate` is of those. Errors: a status, `broken`, or `unanswered`.
    `started_ns` is when the first request was due (time.time_ns)."""

    started_ns: int
    requests: int
    events: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]


class _Link(asyncio.Protocol):
    """One connection. `due` is when its request under way was due; 0 when there is none."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.due = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        self._transport = None
        self._run.lost(self)

    def send(self, content: bytes, due: int) -> None:
        assert self._transport is not None
        self.due = due
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        if end < 0 or not _complete(data, end):
            return
        self._buffer = b""
        self._run.answered(self, int(data[9:12]))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _complete(data: bytes, end: int) -> bool:
    """Whether the body after the head that ends at `end` is all there."""
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        return len(data) >= end + 4 + int(head[at + 17 :].split(b"\r", 1)[0])
    if b"\r\ntransfer-encoding: chunked" in head:
        return data.endswith(b"\r\n0\r\n\r\n") or data[end + 4 :] == b"0\r\n\r\n"
    return True


class _Run:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        part = plan.template
        self._body = part if plan.batch == 1 else b"[" + b",".join([part] * plan.batch) + b"]"
        self._uid = secrets.randbits(63) << 64
        size = len(self._body % self._values(0, time.time_ns()))
        lines = [f"POST {plan.path} HTTP/1.1", f"host: {plan.host}:{plan.port}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in plan.headers]
        self._head = ("\r\n".join([*lines, f"content-length: {size}"]) + "\r\n\r\n").encode()
        self._idle: deque[_Link] = deque()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._due: deque[int] = deque()
        self._made = self._sent = self._done = 0
        self._latencies = array("d")
        self._errors: Counter[str] = Counter()
        self._over = asyncio.Event()
        self._started = self._ended = 0

    async def go(self) -> Result:
        plan = self._plan
        await asyncio.gather(*(self._connect() for _ in range(plan.connections)))
        self._started = time.time_ns()
        timer = None if plan.rate is None else self._start_timer(plan.rate)
        if timer is None:
            for _ in range(min(plan.requests, len(self._idle))):
                self._next(self._idle.popleft())
        try:
            async with asyncio.timeout(plan.deadline_s):
                await self._over.wait()
        except TimeoutError:
            self._errors["unanswered"] = plan.requests - self._done
            self._ended = time.time_ns()
            self._over.set()
        if timer is not None:
            asyncio.get_running_loop().remove_reader(timer)
            os.close(timer)
        for link in tuple(self._links):
            link.close()
        return self._result()

    def answered(self, link: _Link, status: int) -> None:
        now = time.time_ns()
        if 200 <= status < 300:
            self._latencies.append((now - link.due) / 1e6)
        else:
            self._errors[str(status)] += 1
        link.due = 0
        self._finished(now)
        self._next(link)

    def lost(self, link: _Link) -> None:
        self._links.discard(link)
        if link in self._idle:
            self._idle.remove(link)
        if self._over.is_set():
            return
        if link.due:
            self._errors["broken"] += 1
            self._finished(time.time_ns())
        if not self._over.is_set():
            task = asyncio.get_running_loop().create_task(self._replace())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: _Link(self), self._plan.host, self._plan.port)
        self._links.add(link)
        self._idle.append(link)
        return link

    async def _replace(self) -> None:
        while not self._over.is_set():
            try:
                link = await self._connect()
            except OSError:
                await asyncio.sleep(0.1)
                continue
            self._idle.remove(link)
            self._next(link)
            return

    def _finished(self, now: int) -> None:
        self._done += 1
        if self._done == self._plan.requests:
            self._ended = now
            self._over.set()

    def _next(self, link: _Link) -> None:
        """Give this free connection what is to be sent, if anything is."""
        if self._plan.rate is not None:
            if self._due:
                self._send(link, self._due.popleft())
            else:
                self._idle.append(link)
        elif self._sent < self._plan.requests:
            self._send(link, time.time_ns())

    def _send(self, link: _Link, due: int) -> None:
        number = self._sent
        self._sent += 1
        link.send(self._head + self._body % self._values(number, due), due)

    def _values(self, number: int, due: int) -> tuple[int, ...]:
        first = self._uid + number * self._plan.batch
        return tuple(value for uid in range(first, first + self._plan.batch) for value in (uid, due))

    def _start_timer(self, rate: float) -> int:
        """A timer of the kernel's, because the loop's own have a grain of a millisecond."""
        timer = _timer(max(1 / rate, _TICK_S))
        asyncio.get_running_loop().add_reader(timer, self._tick, timer, 1e9 / rate)
        return timer

    def _tick(self, timer: int, period_ns: float) -> None:
        os.read(timer, 8)
        now = time.time_ns()
        while self._made < self._plan.requests:
            due = self._started + round(self._made * period_ns)
            if due > now:
                break
            self._made += 1
            self._due.append(due)
        while self._due and self._idle:
            self._send(self._idle.popleft(), self._due.popleft())

    def _result(self) -> Result:
        seconds = (self._ended - self._started) / 1e9
        events = len(self._latencies) * self._plan.batch
        p50, p99 = percentiles(self._latencies, (0.5, 0.99))
        return Result(self._started, self._done, events, seconds, events / seconds, p50, p99, dict(self._errors))


def _timer(period_s: float) -> int:
    """A non-blocking timerfd that ticks at once and then every `period_s`."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK))
    whole, part = divmod(round(period_s * 1e9), 10**9)
    setting = (ctypes.c_long * 4)(whole, part, 0, 1)
    if descriptor < 0 or libc.timerfd_settime(descriptor, 0, setting, None) != 0:
        raise OSError(ctypes.get_errno(), "no timer")
    return descriptor


async def run(plan: Plan) -> Result:
    """Carry out the plan. Raises OSError when the target cannot be connected to at the start."""
    return await _Run(plan).go()


def main() -> None:
    options = argparse.ArgumentParser(prog="bench.load", description="prints the result as JSON")
    options.add_argument("--url", required=True)
    options.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    options.add_argument("--requests", type=int, required=True)
    options.add_argument("--batch", type=int, default=1)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--rate", type=float)
    options.add_argument("--template", help="instead of a Login; takes %%032x (Uid) and %%d (SentNs)")
    options.add_argument("--deadline", type=float, default=300.0, help="seconds")
    options.add_argument("--core", type=int)
    given = options.parse_args()
    pin(given.core)
    url = urlsplit(given.url)
    pairs = [header.partition(":") for header in given.header]
    plan = Plan(
        host=url.hostname or "127.0.0.1",
        port=url.port or 80,
        path=url.path + ("?" + url.query if url.query else ""),
        headers=tuple((name.strip(), value.strip()) for name, _, value in pairs),
        requests=given.requests,
        batch=given.batch,
        connections=given.connections,
        rate=given.rate,
        template=given.template.encode() if given.template else LOGIN,
        deadline_s=given.deadline,
    )
    print(msgspec.json.encode(uvloop.run(run(plan))).decode())


if __name__ == "__main__":
    main()
