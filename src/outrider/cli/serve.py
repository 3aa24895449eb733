"""`outrider serve`: intake, management API and dispatch in one process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from outrider import descriptors
from outrider.api.app import MANAGE_BODY_BYTES, build_app
from outrider.api.connection import Connection
from outrider.api.intake import IntakeRoute
from outrider.api.lifetime import Waits
from outrider.api.listener import Listener
from outrider.api.protocol import IntakeProtocol
from outrider.api.room import Room
from outrider.api.turn import Turn
from outrider.cli import say
from outrider.cli.start import asked_to_stop, start
from outrider.config import Config, Role, read_config
from outrider.domain.errors import ConfigError
from outrider.observe import log
from outrider.wiring import Outrider

BACKLOG = 2048
SEND_BUFFER = 256 * 1024  # bytes of answers in the system's hands: whether a peer takes them shows in ours
COLLECT_AFTER = 20_000  # new objects; reference counting frees nearly everything before


@click.command()
@click.option("--roles", help="Some of intake, dispatch, housekeeping, comma-separated; all when absent.")
def serve(roles: str | None) -> None:
    """Serve until SIGTERM or SIGINT; a second signal stops at once."""
    config = read_config(os.environ | ({"OUTRIDER_ROLES": roles} if roles is not None else {}))
    log.set_up(config.log_level)
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(config))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


class Server(uvicorn.Server):
    """Accepts by a Listener, at most `room` connections. Ends with status 0 when asked to; uvicorn would raise the
    signal again afterwards.

    From then on `outrider` is not ready. It goes on serving for `drain_s`, so that balancers see that; asked again,
    it ends at once.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        outrider: Outrider,
        waits: Waits,
        *,
        room: int = descriptors.INCOMING,
        drain_s: float = 0.0,
    ) -> None:
        super().__init__(config)
        self._outrider = outrider
        self._waits = waits
        self._room = room
        self._drain_s = drain_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        config = self.config
        protocol: Any = config.http_protocol_class
        make = partial(
            protocol,
            config=config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        bounds: dict[str, Any] = {"room": self._room, "waits": self._waits, "context": config.ssl}
        listeners: list[Any] = [Listener(each, make, self.server_state, **bounds) for each in sockets or ()]
        self.servers = listeners  # which uvicorn closes
        self.started = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with asked_to_stop(self._asked):
            yield

    def _asked(self) -> None:
        if self._outrider.stopping:
            self.force_exit = True
            self._end()
            return
        self._outrider.stopping = True
        if self._drain_s:
            asyncio.get_running_loop().call_later(self._drain_s, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self.should_exit = True


async def _serve(config: Config) -> None:
    check_tls(config)
    room = _room(config)
    listener = bind(config)
    outrider = await start(config)
    if outrider is None:
        return
    gc.freeze()  # the configuration too: it stays, and may be large
    waits = Waits(idle=config.keep_alive_ms / 1000)
    served = uvicorn_config(outrider, config, waits)
    server = Server(served, outrider, waits, room=room, drain_s=config.drain_ms / 1000)
    try:
        _open(listener)
        say.listening(listener.getsockname(), outrider.first, tls=config.tls_cert_file is not None)
        await server.serve(sockets=[listener])
    finally:
        await outrider.stop(0)


def _room(config: Config) -> int:
    """Most connections at a time. Raises ConfigError where there are too few descriptors."""
    limit = descriptors.raised_limit()
    room = descriptors.divide(limit, config.store_connections, config.max_connections).incoming
    if config.max_connections is None and room < descriptors.INCOMING:
        told = "%d connections at a time instead of %d, because the process may open %d files (ulimit -n)"
        logging.getLogger("outrider").warning(told, room, descriptors.INCOMING, limit)
    return room


def listen(config: Config) -> socket.socket:
    """The bound listening socket; a taken port is an error of configuration."""
    listener = bind(config)
    _open(listener)
    return listener


def bind(config: Config) -> socket.socket:
    """The same before it listens: while a start waits for its store, callers are refused, not kept waiting."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # connections inherit it
    try:
        listener.bind((config.host, config.port))
    except (OSError, UnicodeError) as error:
        listener.close()
        raise _not_listening(error) from error
    listener.setblocking(False)
    return listener


def _open(listener: socket.socket) -> None:
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _not_listening(error) from error


def _not_listening(error: OSError | UnicodeError) -> ConfigError:
    reason = (error.strerror if isinstance(error, OSError) else None) or "no name of a host"
    return ConfigError("OUTRIDER_HOST/OUTRIDER_PORT", "a free address and port of this machine", reason)


def check_tls(config: Config) -> None:
    """Raises ConfigError for a certificate or key that cannot be used."""
    if config.tls_cert_file is None:
        if config.tls_key_file is not None:
            raise ConfigError("OUTRIDER_TLS_CERT_FILE", "the certificate of OUTRIDER_TLS_KEY_FILE", "nothing")
        return
    try:
        # A password makes an encrypted key fail; without one OpenSSL would ask for it at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            config.tls_cert_file, config.tls_key_file, password=""
        )
    except OSError as error:
        expected = "PEM files of a certificate chain and of its key, which is not encrypted"
        reason = error.strerror or type(error).__name__
        raise ConfigError("OUTRIDER_TLS_CERT_FILE/OUTRIDER_TLS_KEY_FILE", expected, reason) from error


def uvicorn_config(outrider: Outrider, config: Config, waits: Waits) -> uvicorn.Config:
    """The server: its requests end before the engine stops, and arrive whole in time or not at all."""
    grace_s = config.stop_grace_ms / 1000

    async def begin() -> None:
        await outrider.start()
        outrider.turns.start()  # what is built before anybody is served keeps nobody waiting

    async def stop() -> None:
        await outrider.stop(grace_s)

    services = outrider.services
    room, turn = Room(config.inflight_bytes), Turn()
    intake = IntakeRoute(
        services.intake,
        services.access,
        services.work,
        room,
        turn,
        request_bytes=config.max_request_bytes,
        event_bytes=config.max_event_bytes,
    )
    takes_calls = Role.INTAKE in config.roles
    app = build_app(
        services,
        intake,
        room,
        turn,
        takes_calls=takes_calls,
        unready=outrider.unready,
        startup=begin,
        shutdown=stop,
    )
    bounds: dict[str, Any] = {"waits": waits, "body_bytes": max(config.max_request_bytes, MANAGE_BODY_BYTES)}
    # Called as a class would be.
    protocol: Any = partial(IntakeProtocol, intake, **bounds) if takes_calls else partial(Connection, **bounds)
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        ssl_certfile=config.tls_cert_file,
        ssl_keyfile=config.tls_key_file,
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(grace_s)),
    )
