"""Connecting to one of several addresses (RFC 8305, Happy Eyeballs, sections 4 and 5)."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from outrider.egress.faults import OutOfSockets, is_shortage
from outrider.egress.pool import Pool

STAGGER_S = 0.25  # "Connection Attempt Delay"
TRIED = 8  # addresses of a host that one attempt dials at most
Address = tuple[Any, ...]  # as `socket.getaddrinfo` gives it


def in_order(found: Iterable[Address]) -> list[Address]:
    """What to dial: each address once, the families in turn, beginning with the one the resolver prefers."""
    families: dict[int, dict[Any, Address]] = {}
    for address in found:
        families.setdefault(address[0], {}).setdefault(address[4], address)
    turns = itertools.zip_longest(*(family.values() for family in families.values()))
    return [address for turn in turns for address in turn if address is not None][:TRIED]


async def first_connected(addresses: Sequence[Address], pool: Pool) -> socket.socket:
    """The first address that takes a connection. The next one is tried after STAGGER_S, or at once when one fails;
    whatever else connects is closed.

    Raises the last OSError when none does, OutOfSockets when this process had no socket for one of them.
    """
    if len(addresses) == 1:
        return await _connect(addresses[0])
    waiting = deque(addresses)
    trying: set[asyncio.Task[socket.socket]] = set()
    short, fault = None, OSError("no address")
    try:
        while waiting or trying:
            if waiting and (not trying or pool.lend()):
                trying.add(_start(waiting.popleft(), pool if trying else None))
            pause = STAGGER_S if waiting else None
            done, _ = await asyncio.wait(trying, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            for attempt in done:
                trying.remove(attempt)
                try:
                    return attempt.result()
                except OutOfSockets as error:
                    short = error
                except OSError as error:
                    fault = error
        raise short or fault
    finally:
        for attempt in trying:
            attempt.cancel()
            attempt.add_done_callback(_close_late)


def _start(address: Address, lender: Pool | None) -> asyncio.Task[socket.socket]:
    attempt = asyncio.get_running_loop().create_task(_connect(address))
    if lender is not None:
        attempt.add_done_callback(lambda _: lender.give_back())
    return attempt


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connect(address: Address) -> socket.socket:
    """Raises OSError, OutOfSockets."""
    family, *_, where = address
    sock = None
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, OSError) and is_shortage(error, family):
            raise OutOfSockets("this process can open no more sockets") from error
        raise
    return sock
