"""Leases in doubt: when a connection breaks during a commit, nobody knows whether the commit happened.

What it would have leased is remembered here and released with every heartbeat for a while, because this process
holds none of it in memory. A server that was cut off ends its transaction in that time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from outrider.domain.model import Delivery

KEPT_S = 60.0


class Doubts:
    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}  # by tenant and delivery

    def add(self, deliveries: Iterable[Delivery]) -> None:
        until = asyncio.get_running_loop().time() + KEPT_S
        self._until.update({(d.tenant, d.id): until for d in deliveries})

    def forget(self, deliveries: Iterable[Delivery]) -> None:
        """These are held in memory after all."""
        for delivery in deliveries:
            self._until.pop((delivery.tenant, delivery.id), None)

    def current(self) -> list[tuple[str, str]]:
        """(tenant, delivery) of what may be leased to nobody; older doubts are settled."""
        now = asyncio.get_running_loop().time()
        self._until = {key: until for key, until in self._until.items() if until > now}
        return list(self._until)
