"""A start that waits for a store which is away, and ends at once when it is asked to."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from outrider.config import Config
from outrider.domain.errors import StoreAway
from outrider.wiring import Outrider, build

log = logging.getLogger("outrider.start")
AGAIN_S = 0.5
TELL_EVERY_S = 5.0


@contextmanager
def asked_to_stop(call: Callable[[], object]) -> Iterator[None]:
    """`call` is called for every SIGTERM and SIGINT meanwhile."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, call)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def start(config: Config) -> Outrider | None:
    """A running Outrider; None when it was asked to stop before. Raises ConfigError, StoreAway when the store has
    not come up within OUTRIDER_STORE_WAIT_MS."""
    starting = asyncio.get_running_loop().create_task(_started(config))
    asked = asyncio.Event()
    with asked_to_stop(asked.set):
        asking = asyncio.get_running_loop().create_task(asked.wait())
        await asyncio.wait({starting, asking}, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        if asked.is_set():
            starting.cancel()
            await asyncio.wait({starting})
    if starting.cancelled():
        return None
    outrider = starting.result()
    if asked.is_set():  # just when it had started
        await outrider.stop(0)
        return None
    return outrider


async def _started(config: Config) -> Outrider:
    loop = asyncio.get_running_loop()
    until = loop.time() + config.store_wait_ms / 1000
    tell = loop.time()
    while True:
        try:
            outrider = await build(config)
            await outrider.start()
        except StoreAway as error:
            now = loop.time()
            if now >= until:
                raise
            if now >= tell:
                log.warning("waiting for the store, %.0f s more: %s", until - now, error.given)
                tell = now + TELL_EVERY_S
            await asyncio.sleep(min(AGAIN_S, until - now))
        else:
            return outrider
