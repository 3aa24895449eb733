"""Long work away from the event loop. Used by `app/`, `api/` and `dispatch/`, implemented in `dispatch/work.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Work(Protocol):
    async def run(self, tenant: str, work: Callable[[], T]) -> T:
        """What `work` returns or raises, called in another thread when it is the tenant's turn. A caller that is
        cancelled does not stop work that has begun. Raises Overloaded."""
        ...
