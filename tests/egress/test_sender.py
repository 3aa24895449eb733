"""The sender against real TLS peers, kind and hostile: every attempt ends in time, with a reason."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from outrider.domain.address import AddressPolicy
from outrider.domain.errors import ConfigError
from outrider.egress.dial import SystemResolve
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.ports.sender import Failure, FailureKind, Reply, Request

TIMEOUT_MS = 600
SLACK_S = 0.25
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


def says(*parts: bytes, close: bool = True, again: bool = False) -> Peer:
    """A peer that reads a request and answers with these bytes."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
            if not again:
                break
        if close:
            writer.close()
        else:
            await asyncio.sleep(30)

    return peer


def drips(opening: bytes, drop: bytes, pause: float = 0.01) -> Peer:
    """A peer that never stops sending."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(opening)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)

    return peer


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
    await writer.drain()
    writer.transport.abort()


class World:
    """A TLS server with one peer, and a sender that trusts it. `accepted` counts connections."""

    def __init__(self, authority: tuple[Path, Path]) -> None:
        self.ca, self.certificate = authority
        self.accepted = 0
        self.port = 0
        self.errors: list[dict[str, Any]] = []

    async def play(
        self, peer: Peer, use: Callable[[World, HttpSender], Awaitable[Any]], *, tls: bool = True, **options: Any
    ) -> Any:
        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted += 1
            try:
                await peer(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the sender hung up, as hostile peers deserve
            finally:
                writer.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        server = await asyncio.start_server(counted, "127.0.0.1", 0, ssl=context if tls else None)
        self.port = server.sockets[0].getsockname()[1]
        options = {"policy": AddressPolicy.parse("127.0.0.0/8"), "resolve": self.resolve} | options
        sender = HttpSender(options.pop("policy"), make_tls_context(str(self.ca)), **options)
        try:
            return await use(self, sender)
        finally:
            await sender.close()
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    def request(self, path: str = "/hook?a=1", host: str = "localhost", **changes: Any) -> Request:
        fields: dict[str, Any] = {
            "url": f"https://{host}:{self.port}{path}", "headers": (("x-a", "b"),), "body": b"{}",
            "timeout_ms": TIMEOUT_MS,
        }  # fmt: skip
        return Request(**(fields | changes))


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    factory = uvloop.new_event_loop if request.param == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        yield runner.run


async def one(world: World, sender: HttpSender) -> Reply | Failure:
    return await sender.send(world.request())


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


ENDLESS = drips(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n", b"x" * 65536, 0)
HOSTILE = {
    "silent before headers": (silent, FailureKind.TIMEOUT),
    "dripping headers": (drips(b"HTTP/1.1 200 OK\r\n", b"a"), FailureKind.TIMEOUT),
    "dripping body": (drips(b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n", b"x", 0.02), FailureKind.TIMEOUT),
    "giant headers": (drips(b"HTTP/1.1 200 OK\r\n", b"a: " + b"b" * 8000 + b"\r\n", 0), FailureKind.PROTOCOL),
    "1xx storm": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0), FailureKind.PROTOCOL),
    "upgrade": (says(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), FailureKind.PROTOCOL),
    "garbage": (says(b"\x00\xff garbage\r\n\r\n"), FailureKind.PROTOCOL),
    "invalid chunking": (
        says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", close=False),
        FailureKind.PROTOCOL,
    ),
    "early close": (says(b""), FailureKind.RESET),
    "close in headers": (says(b"HTTP/1.1 200 OK\r\ncontent-"), FailureKind.RESET),
    "reset in body": (resets, FailureKind.RESET),
    "short body": (says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"), FailureKind.RESET),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_receivers_end_in_time_with_a_reason(run: Any, authority: tuple[Path, Path], name: str) -> None:
    peer, kind = HOSTILE[name]
    started = time.monotonic()

    async def timed(world: World, sender: HttpSender) -> tuple[Any, float]:
        started = time.monotonic()
        return await sender.send(world.request()), time.monotonic() - started

    answer, seconds = run(World(authority).play(peer, timed))
    assert isinstance(answer, Failure), answer
    assert answer.kind is kind, answer
    assert answer.detail
    assert seconds <= TIMEOUT_MS / 1000 + SLACK_S
    assert time.monotonic() - started < 30


def test_an_endless_body_is_cut(run: Any, authority: tuple[Path, Path]) -> None:
    reply = run(World(authority).play(ENDLESS, one))
    assert isinstance(reply, Reply)
    assert (len(reply.body), reply.body_cut) == (4096, True)


def test_a_peer_that_never_shakes_hands(run: Any, authority: tuple[Path, Path]) -> None:
    answer = run(World(authority).play(silent, one, tls=False))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.TIMEOUT


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


@pytest.mark.parametrize("name", ["1xx storm", "giant headers", "endless body"])
def test_memory_stays_flat(run: Any, authority: tuple[Path, Path], name: str) -> None:
    peer = ENDLESS if name == "endless body" else HOSTILE[name][0]

    async def again_and_again(world: World, sender: HttpSender) -> int:
        for _ in range(5):
            await sender.send(world.request())
        tracemalloc.start()
        try:
            for _ in range(30):
                await sender.send(world.request())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # The peers' own buffers count too: they are in this process.
    assert run(World(authority).play(peer, again_and_again)) < 20_000_000


def test_a_peer_without_tls(run: Any, authority: tuple[Path, Path]) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()

    answer = run(World(authority).play(plain, one, tls=False))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.TLS


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
