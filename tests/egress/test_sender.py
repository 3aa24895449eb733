"""The sender against real TLS peers; hostile ones are in `test_hostile.py`."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from egress.world import OK, TIMEOUT_MS, World, one, read_request, says, silent
from outrider.domain.address import AddressPolicy
from outrider.domain.errors import ConfigError
from outrider.egress.names import SystemResolve
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.ports.sender import Failure, FailureKind, Reply

SLACK_S = 0.25


def test_the_request_and_the_reply(run: Any, authority: tuple[Path, Path]) -> None:
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 201 Made\r\nX-B: c\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()

    world = World(authority)
    reply = run(world.play(peer, one))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.body_cut) == (201, b"ok", False)
    assert ("x-b", "c") in reply.headers
    timing = reply.timing
    assert timing.dns_ms is not None
    assert None not in (timing.connect_ms, timing.tls_ms, timing.wait_ms, timing.read_ms)
    assert timing.total_ms > timing.tls_ms
    host = f"host: localhost:{world.port}".encode()
    assert seen[0].split(b"\r\n") == [
        b"POST /hook?a=1 HTTP/1.1", host, b"connection: keep-alive", b"x-a: b", b"content-length: 2", b"", b"{}",
    ]  # fmt: skip


def test_connections_are_kept_open(run: Any, authority: tuple[Path, Path]) -> None:
    async def thrice(world: World, sender: HttpSender) -> list[Any]:
        return [await sender.send(world.request()) for _ in range(3)]

    world = World(authority)
    replies = run(world.play(says(OK, again=True), thrice))
    assert [r.status for r in replies] == [200] * 3
    assert world.accepted == 1
    assert replies[1].timing.tls_ms is None


def test_a_connection_out_of_step_is_not_reused(run: Any, authority: tuple[Path, Path]) -> None:
    async def twice(world: World, sender: HttpSender) -> list[Any]:
        return [await sender.send(world.request()) for _ in range(2)]

    world = World(authority)
    replies = run(world.play(says(OK + b"HTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n", again=True), twice))
    assert all(isinstance(r, Failure) or r.status == 200 for r in replies)
    assert world.accepted == 2


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 302 Found\r\nlocation: https://localhost/\r\ncontent-length: 0\r\n\r\n", 302, b""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil close", 200, b"until close"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + OK, 200, b"ok"),
    ],
)
def test_answers_of_every_shape(
    run: Any, authority: tuple[Path, Path], answer: bytes, status: int, body: bytes
) -> None:
    reply = run(World(authority).play(says(answer), one))
    assert isinstance(reply, Reply), reply
    assert (reply.status, reply.body) == (status, body)


def test_a_compressed_answer_stays_compressed(run: Any, authority: tuple[Path, Path]) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    reply = run(World(authority).play(says(head + bomb), one))
    assert isinstance(reply, Reply)
    assert (reply.body, reply.body_cut) == (bomb[:4096], True)


def test_a_peer_that_never_accepts(run: Any, authority: tuple[Path, Path]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)

        async def unaccepted(world: World, sender: HttpSender) -> list[Any]:
            world.port = listener.getsockname()[1]
            started = time.monotonic()
            answers = await asyncio.gather(*(sender.send(world.request()) for _ in range(8)))
            return [*answers, time.monotonic() - started]

        *answers, seconds = run(World(authority).play(silent, unaccepted))
    assert {answer.kind for answer in answers} == {FailureKind.TIMEOUT}
    assert seconds <= TIMEOUT_MS / 1000 + SLACK_S


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1", "192.168.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]]
)
def test_a_refused_address_is_never_dialled(run: Any, authority: tuple[Path, Path], addresses: list[str]) -> None:
    async def resolve(host: str, port: int) -> list[tuple[Any, ...]]:
        return [(10 if ":" in a else 2, 1, 6, "", (a, port)) for a in addresses]

    world = World(authority)
    answer = run(world.play(silent, one, resolve=resolve))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.REFUSED_BY_POLICY
    assert not any(address in answer.detail for address in addresses)
    assert world.accepted == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0177.0.0.1", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_spellings_of_loopback_are_refused_without_permission(
    run: Any, authority: tuple[Path, Path], host: str
) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request(host=host))

    world = World(authority)
    answer = run(world.play(silent, use, policy=AddressPolicy(), resolve=SystemResolve()))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.REFUSED_BY_POLICY
    assert world.accepted == 0


def test_a_receiver_that_resets_at_once_closes_no_descriptor_but_its_own(
    run: Any, authority: tuple[Path, Path]
) -> None:
    """What else is opened meanwhile has the numbers of descriptors that were just closed."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        threading.Thread(target=_reset_all, args=(listener,), daemon=True).start()

        async def use(world: World, sender: HttpSender) -> tuple[int, int]:
            world.port = listener.getsockname()[1]
            failed = lost = 0
            for _ in range(300):
                answer = await sender.send(world.request())
                failed += isinstance(answer, Failure) and answer.kind in {FailureKind.TLS, FailureKind.CONNECT}
                files = [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
                await asyncio.sleep(0)
                gc.collect(0)
                for file in files:
                    try:
                        os.close(file)
                    except OSError:
                        lost += 1
            return failed, lost

        assert run(World(authority).play(silent, use)) == (300, 0)


def _reset_all(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            peer, _ = listener.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()


def test_what_refuses_connections(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request(url="https://localhost:1/"))

    answer = run(World(authority).play(silent, use))
    assert isinstance(answer, Failure)
    assert (answer.kind, answer.detail) == (FailureKind.CONNECT, "the connection was refused")


@pytest.mark.parametrize("header", [("x-a", "b\r\nc: d"), ("x a", "b"), ("x-a\n", "b"), ("x-a", "\x00"), ("", "b")])
def test_a_header_that_would_break_the_request_cannot_be_sent(
    run: Any, authority: tuple[Path, Path], header: tuple[str, str]
) -> None:
    async def use(world: World, sender: HttpSender) -> None:
        with pytest.raises(ValueError, match="cannot be sent"):
            await sender.send(world.request(headers=(header,)))

    world = World(authority)
    run(world.play(silent, use))
    assert world.accepted == 0


def test_only_https_is_sent(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> None:
        with pytest.raises(ValueError, match="https"):
            await sender.send(world.request(url=f"http://localhost:{world.port}/"))

    world = World(authority)
    run(world.play(silent, use))
    assert world.accepted == 0


def test_a_ca_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("nonsense")
    for file in ("not.pem", "missing.pem"):
        with pytest.raises(ConfigError) as refused:
            make_tls_context(str(tmp_path / file))
        assert refused.value.field == "OUTRIDER_EGRESS_CA_FILE"
