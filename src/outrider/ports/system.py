"""The processes that share the store. Used by `app/system.py`."""

from __future__ import annotations

from typing import Protocol

import msgspec


class About(msgspec.Struct, frozen=True):
    """How a process describes itself. `started` in milliseconds."""

    host: str
    pid: int
    version: str
    roles: tuple[str, ...]
    started: int


class NodeRow(msgspec.Struct, frozen=True):
    """A live process; `seen` is its last heartbeat."""

    id: str
    seen: int
    about: About


class System(Protocol):
    async def nodes(self) -> list[NodeRow]: ...
