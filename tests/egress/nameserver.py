"""A name server on loopback: names below `hang` get no answer, below `nx` no name; what is left has addresses.

`python -m egress.nameserver` is one in a process of its own; it prints where, and ends with its input.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections import Counter
from ipaddress import IPv4Address, IPv6Address
from typing import Any

A, AAAA = 1, 28


class NameServer(asyncio.DatagramProtocol):
    """`asked` counts questions by name and type."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, int]] = Counter()
        self.addresses: dict[str, list[str]] = {}
        self._transport: Any = None

    @classmethod
    async def start(cls) -> NameServer:
        _, server = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        return server

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self._transport.get_extra_info('sockname')[1]}"

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, address: Any) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        name, (kind,) = ".".join(labels), struct.unpack(">H", data[at + 1 : at + 3])
        self.asked[name, kind] += 1
        if "hang" in labels:
            return
        code = 3 if "nx" in labels else 0
        found = [] if code else self.addresses.get(name, ["127.0.0.1"])
        wanted = [one for one in found if (":" in one) == (kind == AAAA)]
        question = data[12 : at + 5]
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(wanted), 0, 0)
        self._transport.sendto(head + question + b"".join(_record(kind, one) for one in wanted), address)


def _record(kind: int, address: str) -> bytes:
    packed = (IPv6Address(address) if kind == AAAA else IPv4Address(address)).packed
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 600, len(packed)) + packed


async def _serve() -> None:
    server = await NameServer.start()
    server._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    print(server.where, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
