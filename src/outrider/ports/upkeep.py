"""What a store needs now and then. Used by `dispatch/housekeeping.py` and `app/system.py`."""

from __future__ import annotations

from typing import Protocol


class Upkeep(Protocol):
    async def tend(self, oldest: int | None) -> None:
        """Make ready what the coming days need, and drop events and ledger lines from before `oldest` (ms) but for
        those of events that are still owed. None keeps everything. A store may drop whole days only, and keep
        everything from the day of the oldest event still owed."""
        ...

    async def warnings(self) -> list[str]:
        """What an operator should know of the store's condition, a sentence each."""
        ...
