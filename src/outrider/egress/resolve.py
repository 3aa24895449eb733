"""Names to addresses, with one lookup at a time per name and a short memory of what was found."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from outrider.egress.fault import Fault, of_dns
from outrider.ports.sender import FailureKind

# What `socket.getaddrinfo` returns: family, type, protocol, canonical name, socket address.
AddressInfo = tuple[Any, Any, int, str, Any]
Resolve = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]

CACHE_S = 30.0
_CACHED_NAMES = 4096
_THREADS = 32


class Address(NamedTuple):
    """A socket address as the resolver gave it, so that what is checked is what is dialled."""

    family: int
    sockaddr: tuple[Any, ...]


class SystemResolve:
    """`getaddrinfo` on threads of its own.

    The loop's threads are shared with everything else, and uvloop has four: a few names with a hanging
    name server would stop every other lookup.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="outrider-dns")

    async def __call__(self, host: str, port: int) -> Sequence[AddressInfo]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _getaddrinfo, host, port)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> Sequence[AddressInfo]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


class Resolver:
    """Successful lookups are remembered for `CACHE_S` seconds, failures are not."""

    def __init__(self, resolve: Resolve, clock: Callable[[], float]) -> None:
        self._resolve = resolve
        self._clock = clock
        self._found: dict[tuple[str, int], tuple[float, tuple[Address, ...]]] = {}
        self._running: dict[tuple[str, int], asyncio.Task[tuple[Address, ...] | Fault]] = {}

    async def addresses(self, host: str, port: int) -> tuple[Address, ...] | Fault:
        """Every address of `host`, in the resolver's order, or why there is none."""
        key = (host, port)
        found = self._found.get(key)
        if found is not None and found[0] > self._clock():
            return found[1]
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(self._look_up(key))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)  # others wait for the same lookup

    def forget(self, host: str, port: int) -> None:
        """Ask again next time."""
        self._found.pop((host, port), None)

    async def close(self) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _look_up(self, key: tuple[str, int]) -> tuple[Address, ...] | Fault:
        try:
            infos = await self._resolve(*key)
        except (OSError, UnicodeError) as error:
            return of_dns(error)
        addresses = tuple(Address(int(info[0]), tuple(info[4])) for info in infos)
        if not addresses:
            return Fault(FailureKind.DNS, "The host name does not resolve to any address.")
        if len(self._found) >= _CACHED_NAMES:
            del self._found[next(iter(self._found))]
        self._found.pop(key, None)
        self._found[key] = (self._clock() + CACHE_S, addresses)
        return addresses
