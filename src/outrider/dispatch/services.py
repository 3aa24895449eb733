"""Services that run for as long as the process does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

log = logging.getLogger("outrider.engine")
RESTART_S = 1.0


async def kept_running(run: Callable[[], Coroutine[None, None, None]]) -> None:
    """Until cancelled: a service that fails for a reason nobody foresaw, or returns, is started again after
    RESTART_S, because deliveries must go on."""
    while True:
        try:
            await run()
            log.critical("a service of the engine returned, starting it again")
        except Exception:
            log.critical("a service of the engine failed, starting it again", exc_info=True)
        await asyncio.sleep(RESTART_S)
