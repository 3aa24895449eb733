"""Every state of a connection ends, there are never more than may be, and whoever looks after us gets in."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hostile import EVENT, GOOD, KEYS, LENGTH
from outrider.api import lifetime, listener
from outrider.api.lifetime import Waits
from serving import Peer, Serving, hang_up, serve, until

pytestmark = pytest.mark.slow
SHORT = 0.4
LONG = 60.0
WAITS = Waits(arrive=LONG, idle=LONG, take=LONG, close=SHORT, handshake=LONG, crowded=LONG, stop=SHORT)
HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
HEAD = b"POST /v2/events HTTP/1.1\r\nhost: x\r\n" + KEYS + LENGTH
Play = Callable[..., None]
Script = Callable[[Serving], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, authority: tuple[Path, Path]) -> Play:
    def run(script: Script, *, tls: bool = False, room: int = 100, **waits: float) -> None:
        given = {name: getattr(WAITS, name) for name in WAITS.__struct_fields__} | waits
        served = serve(script, tmp_path, Waits(**given), room=room, authority=authority if tls else None)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(served)

    return run


@asynccontextmanager
async def plain(serving: Serving) -> AsyncIterator[Peer]:
    """TCP only, also where TLS is spoken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    try:
        yield Peer(reader, writer)
    finally:
        await hang_up(writer)


async def ends(peer: Peer, after_s: float = SHORT) -> None:
    """It is open for most of `after_s`, and closed a while after that."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(after_s + 5):
        assert await peer.closed()
    assert asyncio.get_running_loop().time() - began >= after_s * 0.8


async def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize("tls", [False, True])
def test_silence(play: Play, *, tls: bool) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            await ends(peer)
        await serving.quiet()

    play(script, tls=tls, arrive=SHORT)


def test_line_ends_are_no_request(play: Play) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            busy = asyncio.ensure_future(peer.dribble(b"\r\n", SHORT / 10))
            await ends(peer)
            await busy

    play(script, arrive=SHORT)


@pytest.mark.parametrize("tls", [False, True])
def test_between_requests(play: Play, *, tls: bool) -> None:
    """A second longer than announced; line ends are nothing."""

    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            for request in (GOOD, HEALTH, GOOD):
                peer.writer.write(request)
                status, headers, _ = await peer.answer()
                assert status < 300
                assert (headers["connection"], headers["keep-alive"]) == ("keep-alive", "timeout=1")
                await asyncio.sleep(0.1)
            peer.writer.write(b"\r\n")
            await ends(peer, 2)

    play(script, tls=tls, idle=1.0)


@pytest.mark.parametrize("asks", [b"connection: close\r\n", b""])
def test_what_closes_announces_nothing(play: Play, asks: bytes) -> None:
    async def script(serving: Serving) -> None:
        for whole in (HEAD + asks + b"\r\n" + EVENT, HEALTH[:-2] + asks + b"\r\n"):
            async with serving.peer() as peer:
                peer.writer.write(whole if asks else whole.replace(b"HTTP/1.1", b"HTTP/1.0"))
                _, headers, _ = await peer.answer()
                assert headers["connection"] == "close"
                assert "keep-alive" not in headers
                assert await peer.closed()
        async with serving.peer() as peer:
            wrong = b"{" * len(EVENT)
            for path in (b"/v2/events", b"/V2/Events/", b"/v2/manage/webhooks"):
                peer.writer.write(HEAD.replace(b"/v2/events", path) + b"\r\n" + wrong)
                status, headers, _ = await peer.answer()
                assert (status, headers["connection"]) == (400, "close")
                assert "keep-alive" not in headers
                break

    play(script)


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_does_not_end(play: Play, sent: bytes) -> None:
    async def script(serving: Serving) -> None:
        async with plain(serving) as peer:
            peer.writer.write(sent)
            await ends(peer)
        async with serving.peer() as peer:
            peer.writer.write(GOOD)
            assert (await peer.answer())[0] == 202

    play(script, tls=True, handshake=SHORT)


@pytest.mark.parametrize("tls", [False, True])
def test_answers_nobody_takes(play: Play, *, tls: bool) -> None:
    """No more is read while answers wait, and the connection ends."""

    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.reader._transport.pause_reading()
            busy = asyncio.ensure_future(peer.dribble(DOCUMENT * 200, 0))
            (connection,) = await found(serving)
            await until(lambda: connection.flow.write_paused)
            await serving.quiet()
            busy.cancel()

    play(script, tls=tls, take=SHORT)


async def found(serving: Serving) -> list[Any]:
    await serving.begun()
    return list(serving.server.server_state.connections)


def test_small_answers_nobody_takes(play: Play) -> None:
    """Pipelined events: an answer is written at once, so only the transport's own count can tell."""

    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.reader._transport.pause_reading()
            (connection,) = await found(serving)
            connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            stranger = GOOD.replace(KEYS, b"")
            busy = asyncio.ensure_future(peer.dribble(stranger * 1_000, 0))
            await until(lambda: connection.flow.write_paused)
            assert connection.transport.get_write_buffer_size() < 1024 * 1024
            assert len(connection._rest) < 1024 * 1024
            await serving.quiet()
            busy.cancel()

    play(script, take=SHORT)


def test_who_takes_an_answer_slowly_gets_it(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "TAKEN_BYTES", 4096)
    asked = 20

    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.reader._transport.pause_reading()
            peer.writer.write(DOCUMENT * asked)
            (connection,) = await found(serving)
            await until(lambda: connection.flow.write_paused)
            peer.reader._transport.resume_reading()
            began = asyncio.get_running_loop().time()
            for _ in range(asked):
                assert (await peer.answer())[0] == 200
                await asyncio.sleep(0.2)
            assert asyncio.get_running_loop().time() - began > 3

    play(script, take=1.0)


@pytest.mark.parametrize("tls", [False, True])
def test_a_refusal_is_read_before_the_end(play: Play, *, tls: bool) -> None:
    """The client sends everything before it reads; a reset would have taken the answer away."""

    async def script(serving: Serving) -> None:
        for large in (HEAD + b"a: %s\r\n\r\n" % (b"b" * 500_000), b"\r\n" * 200_000):
            async with serving.peer() as peer:
                peer.writer.write(large)
                await peer.writer.drain()
                status, headers, _ = await peer.answer()
                assert (status, headers["connection"]) in {(431, "close"), (400, "close")}
                await ends(peer, 0)

    play(script, tls=tls)


@pytest.mark.parametrize("tls", [False, True])
def test_who_is_refused_and_stays(play: Play, *, tls: bool) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.reader._transport.pause_reading()
            peer.writer.write(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n")
            busy = asyncio.ensure_future(peer.dribble())
            await serving.begun()
            await serving.quiet()
            busy.cancel()

    play(script, tls=tls)


def test_a_thousand_requests_at_once_are_answered_in_order(play: Play) -> None:
    count = 1_000

    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            listing = b"GET /v2/manage/events?limit=%d HTTP/1.1\r\nhost: x\r\n%s\r\n"
            peer.writer.write(b"".join(listing % (500 + n, KEYS) for n in range(count)))
            most = 0
            for n in range(count):
                status, _, answer = await peer.answer()
                assert (status, answer["Given"]) == (400, str(500 + n))
                most = max(most, len(serving.server.server_state.tasks))
            assert most <= 1

    play(script)


def test_the_longest_waiting_makes_room(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    room = 20

    async def script(serving: Serving) -> None:
        async with AsyncExitStack() as stack:
            opened = []
            kept = await stack.enter_async_context(serving.peer())
            kept.writer.write(GOOD)
            await kept.answer()
            for _ in range(room * 3):
                opened.append(await stack.enter_async_context(serving.peer()))
                await until(lambda: len(serving.server.server_state.connections) > min(room, len(opened)) - 1)
            for peer in opened[: room * 2]:
                assert await peer.closed()
            for peer in (kept, opened[-1]):  # one that had a request goes after all that had none
                peer.writer.write(GOOD)
                assert (await peer.answer())[0] == 202
            assert len(serving.server.server_state.connections) <= room
        (line,) = await said(caplog)
        assert "the bound is 20" in line

    play(script, room=room)


def test_late_handshakes_make_room(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_S", 0.1)
    room = 20

    async def script(serving: Serving) -> None:
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(plain(serving)) for _ in range(room)]
            await asyncio.sleep(0.3)
            for _ in range(5):
                async with serving.peer() as peer:
                    peer.writer.write(GOOD)
                    assert (await peer.answer())[0] == 202
            assert await opened[0].closed()

    play(script, tls=True, room=room)


@asynccontextmanager
async def busy(serving: Serving, count: int) -> AsyncIterator[Callable[[], None]]:
    """So many connections that owe an answer: test sends to a receiver that hangs until it is let go."""
    go = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.transport.abort()

    receiver = await asyncio.start_server(hang, "127.0.0.1", 0, backlog=256)
    target = f"https://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
    body = json.dumps({"Event": "Login", "TargetUrl": target, "Enabled": False, "Timeout": 30}).encode()
    start = b"POST /v2/manage/webhooks%s HTTP/1.1\r\nhost: x\r\n" + KEYS + b"content-length: %d\r\n\r\n%s"
    async with receiver, AsyncExitStack() as stack:
        peer = await stack.enter_async_context(serving.peer())
        peer.writer.write(start % (b"", len(body), body))
        test = b"/%s/test" % (await peer.answer())[2]["Id"].encode()
        peer.writer.write(start % (test, 2, b"{}"))
        for n in range(1, count + 1):
            await until(lambda n=n: len(serving.server.server_state.tasks) == n)
            if n < count:
                peer = await stack.enter_async_context(serving.peer())
                peer.writer.write(start % (test, 2, b"{}"))
        try:
            yield go.set
        finally:
            go.set()


def test_when_all_owe_an_answer(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """New connections are for health checks and management, one request each."""

    async def script(serving: Serving) -> None:
        async with busy(serving, 16):
            listing = b"GET /v2/manage/webhooks HTTP/1.1\r\nhost: x\r\n" + KEYS + b"\r\n"
            for request, expected in ((HEALTH, 200), (listing, 200), (GOOD, 503), (LONG_WAY, 503)):
                async with serving.peer() as peer:
                    peer.writer.write(request)
                    status, headers, answer = await peer.answer()
                    assert (status, headers["connection"]) == (expected, "close"), request
                    if expected == 503:
                        assert (answer["ErrorCode"], headers["retry-after"]) == (7910, "1")
                    assert await peer.closed()
        await serving.quiet()
        async with serving.peer() as peer:
            peer.writer.write(GOOD)
            assert (await peer.answer())[0] == 202
        (line,) = await said(caplog)
        assert "the bound is 16" in line

    play(script, room=16)


LONG_WAY = GOOD.replace(b"/v2/events", b"/V2/Events/")


def test_beyond_the_headroom_clients_wait(
    play: Play, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEADROOM", 4)

    async def script(serving: Serving) -> None:
        async with busy(serving, 20) as let_go, serving.peer() as peer:
            peer.writer.write(GOOD)
            waiting = asyncio.ensure_future(peer.answer())
            await until(lambda: any("wait to be accepted" in r.getMessage() for r in caplog.records))
            assert not waiting.done()
            let_go()
            # It is accepted once one of the others has gone, when there may still be too many for intake.
            assert (await waiting)[0] in {202, 503}

    play(script, room=16)


@pytest.mark.parametrize("tls", [False, True])
def test_a_stop_waits_for_nobody_hostile(play: Play, *, tls: bool) -> None:
    """Silent, in a handshake, a head, a body, taking no answer: gone in a moment, though the grace is 25 s."""

    async def script(serving: Serving) -> None:
        async with AsyncExitStack() as stack:
            for sent in (b"", b"\r\n", HEAD, HEAD + b"\r\n{", LONG_WAY[:-5], DOCUMENT * 200):
                peer = await stack.enter_async_context(serving.peer())
                peer.reader._transport.pause_reading()
                peer.writer.write(sent)
            hung = await stack.enter_async_context(plain(serving))
            hung.writer.write(b"\x16\x03\x01")
            await until(lambda: any(c.flow.write_paused for c in serving.server.server_state.connections))
            serving.server.should_exit = True
            began = asyncio.get_running_loop().time()
            await serving.quiet()
            assert asyncio.get_running_loop().time() - began < 10

    play(script, tls=tls, take=SHORT)


def test_what_arrives_while_the_server_stops(play: Play) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as late, serving.peer() as never:
            for peer in (late, never):
                peer.writer.write(HEAD + b"\r\n" + EVENT[:-1])
            await until(lambda: len(serving.server.server_state.connections) == 2)
            await asyncio.sleep(0.05)
            serving.server.should_exit = True
            await until(lambda: all(c._stopping for c in serving.server.server_state.connections))
            late.writer.write(EVENT[-1:])
            status, headers, _ = await late.answer()
            assert (status, headers["connection"]) == (202, "close")
            status, headers, answer = await never.answer()
            assert (status, headers["connection"], answer["ErrorCode"]) == (503, "close", 7910)

    play(script, stop=2.0)


def test_the_waits_in_service() -> None:
    assert Waits() == Waits(arrive=30, idle=75, take=30, close=5, handshake=10, crowded=5, stop=1)
