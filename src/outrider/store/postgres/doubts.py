"""Leases in doubt: when a connection breaks during a commit, nobody knows whether the commit happened.

What it would have leased is remembered here and released with every heartbeat, because this process holds none of
it in memory; and for a while after the first one that succeeds, in which a server that was cut off ends its
transaction.
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
        """(tenant, delivery) of what may be leased to nobody."""
        return list(self._until)

    def released(self) -> None:
        """All of `current` was released just now; older doubts are settled with that."""
        now = asyncio.get_running_loop().time()
        self._until = {key: until for key, until in self._until.items() if until > now}
