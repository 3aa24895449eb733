"""`outrider`, enclosed: what it sends reaches the receiver named by RECEIVER_PORT, or nobody.

Names below example.com lead to that receiver, so that examples may say where they go; any other name does not
resolve, and no name server is asked. As the second lock, a connection to any other address ends the process, which
no test can overlook.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from outrider.cli.main import main
from outrider.egress import names
from outrider.egress.names import SystemResolve

RECEIVER = ("127.0.0.1", int(os.environ["RECEIVER_PORT"]))
_resolve = socket.getaddrinfo


def resolve(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name == "example.com" or name.endswith(".example.com") or (name == "localhost" and port == RECEIVER[1]):
        return _resolve(*RECEIVER, *arguments, **options)
    raise socket.gaierror(socket.EAI_NONAME, "nobody else can be reached from here")


async def resolve_here(self: SystemResolve, host: str, port: int) -> Any:
    return resolve(host, port, type=socket.SOCK_STREAM)


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto"}:
        return
    if arguments[0].family in {socket.AF_INET, socket.AF_INET6} and tuple(arguments[1][:2]) != RECEIVER:
        print(f"ENCLOSED: {event} to {arguments[1]}", file=sys.stderr, flush=True)
        os._exit(86)


socket.getaddrinfo = resolve
SystemResolve.__call__ = resolve_here
names.is_address = lambda _: False  # so that an address does not resolve either
sys.addaudithook(watch)
main()
