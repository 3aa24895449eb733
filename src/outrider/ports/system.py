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


class TurnsSeen(msgspec.Struct, frozen=True):
    """How long the event loop of this process was busy without a break, in milliseconds of processor time: the
    longest turn since the start and in the last minute, and what 99.9 % of all moments stayed below."""

    longest_ms: float
    longest_last_minute_ms: float
    p999_ms: float


class Turns(Protocol):
    def seen(self) -> TurnsSeen: ...


class System(Protocol):
    async def nodes(self) -> list[NodeRow]: ...
