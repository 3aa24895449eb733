"""Our HTTP sender beside aiohttp's client: `python -m bench.senders`, which needs `pip install aiohttp`.

The same signed requests over TLS to the same receiver, 64 at a time, both under a timeout for each request; they
take turns, and the ratio is of processor time, which the receiver's speed does not touch.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import uvloop

from bench.common import pin
from bench.parts import MEASURED, Bench, bench
from outrider.domain.address import AddressPolicy
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.ports.sender import Reply, Request

AT_A_TIME = 64
TIMEOUT_S = 15
BODY = b'{"HookName":"login","HookId":"0","Data":{"Uid":"u1"},"Time":"2026-01-31T09:30:00.000Z"}' * 8
HEADERS = {f"x-header-{number}": "a value of some length" for number in range(10)}
Post = Callable[[], Awaitable[int]]


async def ours(url: str, ca: Path, requests: int) -> None:
    sender = HttpSender(AddressPolicy.parse("127.0.0.0/8,::1/128"), make_tls_context(str(ca)))
    request = Request(url, tuple(HEADERS.items()), BODY, TIMEOUT_S * 1000)

    async def post() -> int:
        answer = await sender.send(request)
        return answer.status if isinstance(answer, Reply) else 0

    await _all(post, requests)
    await sender.close()


async def aiohttps(url: str, ca: Path, requests: int) -> None:
    try:
        import aiohttp  # noqa: PLC0415 - only here, and not among our dependencies
    except ImportError:
        sys.exit("bench.senders compares with aiohttp: pip install aiohttp")
    connector = aiohttp.TCPConnector(limit=AT_A_TIME, ssl=make_tls_context(str(ca)))
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:

        async def post() -> int:
            async with session.post(url, data=BODY, headers=HEADERS, allow_redirects=False) as answer:
                await answer.content.read(4096)
                return int(answer.status)

        await _all(post, requests)


async def _all(post: Post, requests: int) -> None:
    left = iter(range(requests))

    async def worker() -> None:
        for _ in left:
            if await post() != 200:
                raise RuntimeError("a request went wrong")

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(worker())


def _cost(
    made: Bench, send: Callable[[str, Path, int], Coroutine[None, None, None]], requests: int
) -> tuple[float, float]:
    """Requests a second, and processor µs for each."""
    started, used = time.perf_counter(), time.process_time()
    uvloop.run(send(made.receiver.url("/ok/a"), made.ca, requests))
    return requests / (time.perf_counter() - started), (time.process_time() - used) / requests * 1e6


def main() -> None:
    options = argparse.ArgumentParser(prog="bench.senders", description=__doc__)
    options.add_argument("--requests", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as made:
        pin(MEASURED)
        for _ in range(given.rounds):
            mine, theirs = (_cost(made, send, given.requests) for send in (ours, aiohttps))
            ratios.append(theirs[1] / mine[1])
            print(
                f"ours {mine[0]:,.0f}/s {mine[1]:.0f} µs   aiohttp {theirs[0]:,.0f}/s {theirs[1]:.0f} µs   "
                f"{ratios[-1]:.2f} ×"
            )
    print(f"aiohttp costs {statistics.median(ratios):.2f} × the processor time of ours")


if __name__ == "__main__":
    main()
