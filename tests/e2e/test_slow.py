"""Peers that take their time with a request, and peers that hang up in the middle of one."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from harness import API_KEY, API_SECRET
from outrider.api.lifetime import Waits
from serving import Serving, serve

pytestmark = pytest.mark.slow
LIMIT_S = 0.4
KEYS = f"x-loginradius-apikey: {API_KEY}\r\nx-loginradius-apisecret: {API_SECRET}\r\n"
EVENT = b'{"Event":"Login","Data":{"Uid":"u1"}}'
HOOK = b'{"Event":"Login","TargetUrl":"https://localhost:1/","Enabled":false}'
SHORT, LONG = "/v2/events", "/V2/Events/"  # the second is answered the long way
MANAGED = (
    "/v2/manage/webhooks",
    "/api/v2/webhook",
    "/identity/v2/manage/account/u1/customobject?objectname=orders",
)
EVERY = (SHORT, LONG, *MANAGED)


def head(path: str, length: int, keys: str = KEYS, method: str = "POST") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{keys}content-length: {length}\r\n\r\n".encode()


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    def run(script: Callable[[Serving], Awaitable[None]], limit_s: float = LIMIT_S) -> None:
        asyncio.run(serve(script, tmp_path, Waits(arrive=limit_s, close=LIMIT_S)))

    return run


def check_refused(answer: tuple[int, dict[str, str], Any]) -> None:
    status, headers, body = answer
    assert (status, headers["content-type"], headers["connection"]) == (408, "application/json", "close")
    assert (body["ErrorCode"], body["Message"]) == (7900, "The request took too long")


@pytest.mark.parametrize("path", EVERY)
def test_a_body_that_does_not_end(play: Callable[..., None], path: str) -> None:
    async def script(serving: Serving) -> None:
        for dribbles in (False, True):
            async with serving.peer() as peer:
                peer.writer.write(head(path, 1000) + b"{")
                began = asyncio.get_running_loop().time()
                busy = asyncio.ensure_future(peer.dribble() if dribbles else asyncio.sleep(0))
                check_refused(await peer.answer())
                assert LIMIT_S * 0.9 < asyncio.get_running_loop().time() - began < LIMIT_S + 5
                assert await peer.closed()
                await busy
        await serving.quiet()

    play(script)


def test_headers_that_do_not_end(play: Callable[..., None]) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\nx-a: ")
            check_refused(await peer.answer())
            assert await peer.closed()

    play(script)


@pytest.mark.parametrize("path", EVERY)
def test_a_stranger_whose_body_does_not_end(play: Callable[..., None], path: str) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.writer.write(head(path, 1_000_000, keys=""))
            assert (await peer.answer())[2]["ErrorCode"] == 922
            await peer.dribble()
            assert await peer.closed()

    play(script)


def test_each_request_has_its_own_time(play: Callable[..., None]) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            for _ in range(4):
                for path, body, status in ((SHORT, EVENT, 202), (LONG, EVENT, 202), (MANAGED[0], HOOK, 200)):
                    whole = head(path, len(body)) + body
                    for part in (whole[:10], whole[10:-5], whole[-5:]):
                        peer.writer.write(part)
                        await asyncio.sleep(LIMIT_S / 10)
                    assert (await peer.answer())[0] == status
            await asyncio.sleep(LIMIT_S * 1.5)  # between requests there is nothing to wait for
            peer.writer.write(head(SHORT, len(EVENT)) + EVENT)
            assert (await peer.answer())[0] == 202

    play(script)


def test_the_time_an_answer_takes_is_ours(play: Callable[..., None]) -> None:
    """A test send to a receiver that hangs takes longer than a request may; the next request waits behind it."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def script(serving: Serving) -> None:
        receiver = await asyncio.start_server(hang, "127.0.0.1", 0)
        target = f"https://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
        hook = json.dumps({"Event": "Login", "TargetUrl": target, "Enabled": False, "Timeout": 2}).encode()
        async with receiver, serving.peer() as peer:
            peer.writer.write(head(MANAGED[0], len(hook)) + hook)
            trial = f"{MANAGED[0]}/{(await peer.answer())[2]['Id']}/test"
            for path, body, status in ((SHORT, EVENT, 202), (MANAGED[0], HOOK, 200)):
                peer.writer.write(head(trial, 2) + b"{}" + head(path, len(body)) + body[:5])
                status_of_trial, _, answer = await peer.answer()
                assert (status_of_trial, answer["Delivered"]) == (200, False)
                await asyncio.sleep(1.2)  # the limit counts from here: nothing more was read before
                peer.writer.write(body[5:])
                assert (await peer.answer())[0] == status

    play(script, 1.5)


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("path", EVERY)
def test_who_hangs_up_in_the_middle_is_no_error_of_ours(
    play: Callable[..., None], path: str, resets: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(serving: Serving) -> None:
        async with serving.peer() as peer:
            peer.writer.write(head(path, 1000) + b'{"a":')
            await peer.writer.drain()
            await serving.begun()
            await asyncio.sleep(0.05)
            if resets:
                peer.writer.transport.abort()
        await serving.quiet()
        said = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
        assert said == []

    play(script, 30)


def test_the_limit_in_service() -> None:
    assert Waits().arrive == 30
