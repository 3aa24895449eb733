"""Whether this process may count on its leases, and which process sends what when several do."""

from __future__ import annotations

import asyncio
from hashlib import blake2b


class Lease:
    """What this process holds is its own for a while after each heartbeat; others take over only later.

    A process that was stopped and goes on, or that cannot reach the store, sends nothing until it knows more.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def renew(self, began: float, seconds: float) -> None:
        """A heartbeat that began at `began` of the loop's clock succeeded."""
        self._until = max(self._until, began + seconds)

    @property
    def held(self) -> bool:
        return asyncio.get_running_loop().time() < self._until


class Peers:
    """The live processes that dispatch. What only one of them may do is done by the one that `home` names, by
    rendezvous hashing (Thaler and Ravishankar, 1998): a process that comes or goes moves as little as possible."""

    def __init__(self) -> None:
        self._me = ""
        self._others: tuple[str, ...] = ()
        self._homes: dict[str, bool] = {}

    def update(self, me: str, peers: tuple[str, ...]) -> bool:
        """Whether anything changed."""
        others = tuple(peer for peer in peers if peer != me)
        if (me, others) == (self._me, self._others):
            return False
        self._me, self._others = me, others
        self._homes.clear()
        return True

    def home(self, key: str) -> bool:
        """Whether this process is the one for `key`."""
        if not self._others:
            return True
        found = self._homes.get(key)
        if found is None:
            mine = _weight(self._me, key)
            found = self._homes[key] = all(mine > _weight(other, key) for other in self._others)
        return found


def _weight(peer: str, key: str) -> bytes:
    return blake2b(f"{peer} {key}".encode(), digest_size=8).digest()
