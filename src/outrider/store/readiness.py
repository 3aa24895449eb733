"""Whether an event would be stored now, told by the last one, or else by a trial that commits next to nothing.

Trials are shared by all who ask, and at most one a second is made. After a failure a trial writes as much as a
large event, because a disk that is full often takes a little.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from outrider.domain.errors import StoreUnavailable
from outrider.domain.outage import Outage
from outrider.domain.readiness import Unready

log = logging.getLogger("outrider.store")
FRESH_S = 2.0  # what was committed since then tells enough
BETWEEN_S = 1.0  # two trials
PATIENCE_S = 0.7  # balancers often wait a second
LITTLE = 200  # bytes
MUCH = 65_536


class Evidence:
    """What became of the last commit of events, or of the last trial."""

    def __init__(self) -> None:
        self.at = float("-inf")
        self.fault: Exception | None = None

    def take(self, fault: Exception | None) -> None:
        self.at = time.monotonic()
        self.fault = fault


class Readiness:
    """`attempt` commits so many bytes and leaves none."""

    def __init__(self, evidence: Evidence, attempt: Callable[[int], Awaitable[None]]) -> None:
        self._evidence = evidence
        self._attempt = attempt
        self._trial: asyncio.Task[None] | None = None
        self._began = float("-inf")
        self._outage = Outage()

    async def reason(self) -> Unready | None:
        now = time.monotonic()
        known = self._evidence
        if known.fault is None and now - known.at < FRESH_S:
            return None
        if self._trial is None and now - self._began >= BETWEEN_S:
            self._began = now
            self._trial = asyncio.get_running_loop().create_task(self._try())
        if self._trial is not None:
            left = self._began + PATIENCE_S - now
            done, _ = await asyncio.wait({self._trial}, timeout=max(0.0, left))
            if not done:
                return Unready.STORE_SLOW
        return None if known.fault is None else Unready.STORE_AWAY

    async def _try(self) -> None:
        try:
            await self._attempt(LITTLE if self._evidence.fault is None else MUCH)
        except StoreUnavailable as error:
            self._evidence.take(error)
        except Exception as error:  # nobody waits for this task: whatever it is, no event would be stored
            self._evidence.take(error)
            if told := self._outage.failed(type(error).__name__, time.monotonic()):
                log.error("a trial of the store fails: %s", told, exc_info=True)
        else:
            self._evidence.take(None)
        finally:
            self._trial = None

    async def close(self) -> None:
        """Idempotent."""
        if self._trial is not None:
            self._trial.cancel()
            await asyncio.wait({self._trial})
