"""Other processes on the same store: what they changed, and hints between them. Used by `app/follow.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from outrider.domain.breaker import Health


class Changes(msgspec.Struct, frozen=True):
    """What changed lately. `at`: ask again from here. `versions`: of configurations, by tenant. `healths`: of
    receivers as other processes know them, by webhook."""

    at: int
    versions: dict[str, int]
    healths: dict[str, Health]


class Neighbours(Protocol):
    async def changes(self, since: int) -> Changes:
        """Everything committed since then, some of it a second time."""
        ...

    def hint(self) -> None:
        """Something may be claimable for whoever dispatches. Cheap, and never the truth."""
        ...

    async def exchange(self, heard: Callable[[], None]) -> None:
        """Until cancelled: pass our hints on, and call `heard` for those of others."""
        ...
