"""A TLS peer of any behaviour on loopback, and a sender that trusts it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from outrider.domain.address import AddressPolicy
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.ports.sender import Failure, Reply, Request

TIMEOUT_MS = 600
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


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


class World:
    """A TLS server with one peer, and a sender that trusts it. `accepted` counts connections."""

    def __init__(
        self, authority: tuple[Path, Path], prepare: Callable[[ssl.SSLContext], None] | None = None
    ) -> None:
        self.ca, self.certificate = authority
        self._prepare = prepare
        self.accepted = 0
        self.ended = 0
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
                self.ended += 1
                writer.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        if self._prepare is not None:
            self._prepare(context)
        server = await asyncio.start_server(counted, "127.0.0.1", 0, ssl=context if tls else None)
        self.port = server.sockets[0].getsockname()[1]
        sender = self.sender(**options)
        try:
            return await use(self, sender)
        finally:
            await sender.close()
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def sender(self, **options: Any) -> HttpSender:
        options = {"policy": AddressPolicy.parse("127.0.0.0/8"), "resolve": self.resolve} | options
        return HttpSender(options.pop("policy"), make_tls_context(str(self.ca)), **options)

    async def resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    def request(self, path: str = "/hook?a=1", host: str = "localhost", **changes: Any) -> Request:
        fields: dict[str, Any] = {
            "url": f"https://{host}:{self.port}{path}", "headers": (("x-a", "b"),), "body": b"{}",
            "timeout_ms": TIMEOUT_MS,
        }  # fmt: skip
        return Request(**(fields | changes))


async def one(world: World, sender: HttpSender) -> Reply | Failure:
    return await sender.send(world.request())
