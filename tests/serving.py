"""Outrider served in the process of a test, so that it sees when a request is over, and what was logged of it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from harness import API_KEY, API_SECRET
from outrider import descriptors
from outrider.api.lifetime import Waits
from outrider.cli.serve import Server, listen, uvicorn_config
from outrider.config import read_config
from outrider.wiring import build


async def until(condition: Callable[[], object]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(condition)


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        content = await self.reader.readexactly(int(headers["content-length"]))
        return int(lines[0].split()[1]), headers, json.loads(content)

    async def closed(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    async def dribble(self, piece: bytes = b" ", pause_s: float = 0.02) -> None:
        """Never silent, never done."""
        try:
            while True:
                self.writer.write(piece)
                await self.writer.drain()
                await asyncio.sleep(pause_s)
        except ConnectionError:
            return


async def hang_up(writer: asyncio.StreamWriter) -> None:
    transport: Any = writer.transport
    if transport.is_closing() or (transport.is_reading() and not transport.get_write_buffer_size()):
        writer.close()
    else:  # it will never be done
        transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


class Serving:
    """A served Outrider; `ca` signed its certificate."""

    def __init__(self, server: Server, port: int, ca: Path | None = None) -> None:
        self.server = server
        self.port = port
        self.tls = None if ca is None else ssl.create_default_context(cafile=ca)

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        try:
            yield Peer(reader, writer)
        finally:
            await hang_up(writer)

    async def quiet(self) -> None:
        """Until no connection and no request is left."""
        state = self.server.server_state
        await until(lambda: not state.connections and not state.tasks)

    async def begun(self) -> None:
        await until(lambda: self.server.server_state.connections)


async def serve(
    script: Callable[[Serving], Awaitable[None]],
    folder: Path,
    waits: Waits,
    *,
    room: int = descriptors.INCOMING,
    authority: tuple[Path, Path] | None = None,
    **settings: str,
) -> None:
    """Run `script` against an Outrider on a new file in `folder`; with an `authority` it serves HTTPS."""
    ca, certificate = authority or (None, None)
    config = read_config(
        {
            "OUTRIDER_STORE": f"sqlite:///{folder / 'outrider.db'}",
            "OUTRIDER_PORT": "0",
            "OUTRIDER_BOOTSTRAP_API_KEY": API_KEY,
            "OUTRIDER_BOOTSTRAP_API_SECRET": API_SECRET,
            "OUTRIDER_EGRESS_ALLOW": "127.0.0.0/8",
        }
        | ({} if certificate is None else {"OUTRIDER_TLS_CERT_FILE": str(certificate)})
        | settings
    )
    listener = listen(config)
    outrider = await build(config)
    server = Server(uvicorn_config(outrider, config, waits), outrider, waits, room=room)
    serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(20):
            await until(lambda: server.started)
            await script(Serving(server, listener.getsockname()[1], ca))
    finally:
        server.should_exit = True
        await serving
        await until(lambda: len(asyncio.all_tasks()) == 1)
