"""Outgoing connections are bounded, idle ones closed, and a shortage of descriptors is no receiver's fault."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from egress.world import OK, World, one, read_request, silent
from outrider.domain.errors import OurError
from outrider.egress import pool
from outrider.egress.sender import HttpSender
from outrider.ports.sender import Failure, FailureKind, Reply

KIND = """
import asyncio, ssl, sys
async def answer(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0]))
            writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
    except (OSError, asyncio.IncompleteReadError):
        writer.close()
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def kind(authority: tuple[Path, Path]) -> Iterator[int]:
    """The port of a receiver in a process of its own, with descriptors of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", KIND, str(authority[1])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield int(process.stdout.readline())
    process.communicate("")


async def becomes(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextmanager
def few_descriptors(left: int) -> Iterator[None]:
    """This process may open `left` more descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers are wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 64, hard))
    taken: list[int] = []
    try:
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            for _ in range(left):
                os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_are_closed_though_nobody_calls_their_host_again(
    run: Any, authority: tuple[Path, Path], kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_S", 0.2)
    monkeypatch.setattr(pool, "REAPED_EVERY_S", 0.05)
    monkeypatch.setattr(pool, "CLOSED_AT_ONCE", 8)

    async def use(world: World, sender: HttpSender) -> None:
        world.port = kind
        for host in ("127.0.0.1", "localhost"):
            assert isinstance(await sender.send(world.request(host=host)), Reply)
        assert sender._pool.open == 2
        await asyncio.gather(*(sender.send(world.request()) for _ in range(30)))
        assert sender._pool.open > 8
        await becomes(lambda: sender._pool.open == 0)
        assert (sender._pool._idle, sender._pool._reaper) == ({}, None)

    run(World(authority).play(silent, use))


def test_connections_are_bounded_and_the_oldest_idle_one_goes(
    run: Any, authority: tuple[Path, Path], kind: int
) -> None:
    async def use(world: World, sender: HttpSender) -> None:
        world.port = kind
        for _ in range(4):
            for name in ("localhost", "127.0.0.1", "LOCALHOST.", "localhost"):
                assert isinstance(await sender.send(world.request(host=name)), Reply)
                assert sender._pool.open <= 2
        reply = await sender.send(world.request())
        assert reply.timing.tls_ms is None  # the newest was kept

    run(World(authority).play(silent, use, connections=2))


def test_when_all_are_in_use_it_is_our_fault(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> None:
        waiting = [asyncio.ensure_future(sender.send(world.request())) for _ in range(3)]
        await becomes(lambda: world.accepted == 3)
        with pytest.raises(OurError, match="all 3 connections"):
            await sender.send(world.request())
        assert {answer.kind for answer in await asyncio.gather(*waiting)} == {FailureKind.TIMEOUT}
        answer = await sender.send(world.request(timeout_ms=100))
        assert isinstance(answer, Failure)
        assert sender._pool.open == 0

    run(World(authority).play(silent, use, connections=3))


def test_whoever_gives_up_leaves_no_connection(run: Any, authority: tuple[Path, Path]) -> None:
    """At any turn of the loop. Other descriptors get the numbers of those that were closed."""

    async def use(world: World, sender: HttpSender) -> None:
        before = _sockets()
        for turns in range(60):
            waiting = asyncio.ensure_future(sender.send(world.request()))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with socket.create_server(("127.0.0.1", 0)):
                await asyncio.sleep(0)
        assert sender._pool.open == 0
        await becomes(lambda: _sockets() <= before)
        await becomes(lambda: world.accepted == world.ended)

    world = World(authority)
    run(world.play(silent, use))


def test_a_shortage_of_descriptors_closes_idle_connections(
    run: Any, authority: tuple[Path, Path], kind: int
) -> None:
    async def use(world: World, sender: HttpSender) -> None:
        world.port = kind
        assert isinstance(await sender.send(world.request()), Reply)
        with few_descriptors(0):
            reply = await sender.send(world.request(host="127.0.0.1"))
            assert isinstance(reply, Reply)
            assert sender._pool.open == 1

    run(World(authority).play(silent, use))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "elsewhere.test"])
def test_a_shortage_of_descriptors_is_our_fault(
    run: Any, authority: tuple[Path, Path], kind: int, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(world: World, sender: HttpSender) -> None:
        world.port = kind
        with few_descriptors(0):
            for _ in range(3):
                with pytest.raises(OurError):
                    await sender.send(world.request(host=host))
        assert sum("deliveries wait" in line for line in caplog.messages) == 1
        answer = await sender.send(world.request(host=host))
        if host != "elsewhere.test":
            assert isinstance(answer, Reply)

    system = {"resolve": None} if host == "elsewhere.test" else {}
    run(World(authority).play(silent, use, **system))


@pytest.mark.parametrize(("read", "kept"), [(False, 0), (True, 1)])
def test_a_large_request_that_was_answered_unread_keeps_no_connection(
    run: Any, authority: tuple[Path, Path], read: bool, kept: int
) -> None:
    """What is still to be sent would lie in memory as long as the connection is idle."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not read:
            writer.transport.pause_reading()
        else:
            await reader.readexactly(16_000_000)
        writer.write(OK)
        await asyncio.sleep(30)

    async def use(world: World, sender: HttpSender) -> None:
        reply = await sender.send(world.request(body=b" " * 16_000_000, timeout_ms=10_000))
        assert isinstance(reply, Reply)
        assert sender._pool.open == kept

    run(World(authority).play(early, use))


def test_an_idle_connection_whose_receiver_hangs_up_holds_no_descriptor(
    run: Any, authority: tuple[Path, Path]
) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)

    async def use(world: World, sender: HttpSender) -> None:
        before = _sockets()
        assert isinstance(await one(world, sender), Reply)
        (connection,) = sender._pool._order
        await becomes(lambda: not connection.alive)
        await becomes(lambda: _sockets() <= before)

    run(World(authority).play(peer, use))


def _sockets() -> int:
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())
