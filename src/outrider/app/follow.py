"""Following what other processes on the same store change: configurations, receivers' healths, hints."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from outrider.app.books import Books
from outrider.domain.breaker import Health
from outrider.domain.errors import StoreUnavailable
from outrider.domain.outage import Outage
from outrider.ports.neighbours import Neighbours

log = logging.getLogger("outrider.follow")
LOOK_EVERY_S = 0.5  # a change is seen everywhere within a second


class Follower:
    """`learn` is called with healths as others know them, `wake` when something may be claimable."""

    def __init__(
        self,
        neighbours: Neighbours,
        books: Books,
        *,
        learn: Callable[[Mapping[str, Health]], None],
        wake: Callable[[], None],
    ) -> None:
        self._neighbours = neighbours
        self._books = books
        self._learn = learn
        self._wake = wake
        self._since = 0
        self._outage = Outage()

    async def run(self) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                if told := self._outage.failed(str(error), clock()):
                    log.warning("cannot see what other processes changed: %s", told)
            else:
                if told := self._outage.worked(clock):
                    log.warning("sees again what other processes change %s", told)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Take over what changed since the last look. The first look sees everything."""
        changes = await self._neighbours.changes(self._since)
        if changes.healths:
            self._learn(changes.healths)
        newer = [t for t, version in changes.versions.items() if version != self._books.version(t)]
        for tenant in newer:
            await self._books.refresh(tenant)
        self._since = changes.at
        if newer:
            self._wake()

    async def listen(self) -> None:
        """Until cancelled: exchange hints with other processes."""
        await self._neighbours.exchange(self._wake)
