"""A store's whole contents, table by table, in a form that is the same in every store. Used by `app/copying.py`.

Contents are opened while nobody serves the store. Leases, processes and the state of migrations are not among them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from outrider.domain.errors import OurError

Value = str | int | bytes | None
Row = tuple[Value, ...]
Key = tuple[str | int, ...]


class Table(StrEnum):
    """In the order in which they are written: what others refer to comes first."""

    DATA_KEY = "data_key"
    TENANT = "tenant"
    WEBHOOK = "webhook"
    WEBHOOK_PAST = "webhook_past"
    SECRET = "secret"  # noqa: S105 - a table's name
    API_KEY = "api_key"
    EVENT = "event"
    LEDGER = "ledger"
    QUEUE = "queue"
    HEALTH = "health"
    JOB = "job"
    CUSTOM_OBJECT = "custom_object"


# What a row holds, in this order. Flags are 0 or 1, instants milliseconds, documents the bytes both stores keep.
# `delivery` is absent from the line of a skip. `turn` numbers the deliveries of a webhook with the same order key
# in the order they are sent in, from 1. An event's place is absent: every store gives its own.
COLUMNS: dict[Table, tuple[str, ...]] = {
    Table.DATA_KEY: ("number", "wrapped"),
    Table.TENANT: ("id", "api_key", "version", "document"),
    Table.WEBHOOK: ("tenant", "id", "name", "active", "deleted", "document", "sealed"),
    Table.WEBHOOK_PAST: ("tenant", "webhook", "version", "document", "sealed"),
    Table.SECRET: ("tenant", "id", "name", "document"),
    Table.API_KEY: ("tenant", "id", "document"),
    Table.EVENT: (
        "tenant", "id", "type", "subject", "operation", "time", "accepted", "body", "fingerprint", "book"
    ),
    Table.LEDGER: (
        "place", "tenant", "at", "line", "event", "reason", "detail", "delivery", "webhook", "webhook_name", "type",
        "subject", "created", "origin", "attempts", "status", "attempt",
    ),
    Table.QUEUE: (
        "tenant", "id", "webhook", "event", "type", "subject", "attempts", "created", "due", "order_key", "origin",
        "held", "status", "reason", "turn",
    ),
    Table.HEALTH: ("tenant", "webhook", "document"),
    Table.JOB: ("tenant", "id", "state", "place", "document"),
    Table.CUSTOM_OBJECT: ("tenant", "uid", "name", "id", "data", "created", "modified", "revision"),
}  # fmt: skip


class RowsRefused(OurError):
    """A store does not take rows of another one; nothing of their stretch was stored."""


class Stretch(msgspec.Struct, frozen=True):
    """Some rows, one after the other in an order of their store; `after` is where to read on."""

    rows: list[Row]
    after: Key


class Progress(msgspec.Struct, frozen=True):
    """How far the copy of a table has come: `after` is where to read on in the source."""

    rows: int = 0
    after: Key | None = None
    done: bool = False


class Contents(Protocol):
    """All reads raise StoreUnavailable."""

    @property
    def keeps_turns(self) -> bool:
        """Whether deliveries can be sent in an order that is not that of their ids."""
        ...

    async def data_keys(self) -> dict[int, str]:
        """The vault's data keys, each wrapped by the root key, by number."""
        ...

    async def mark(self) -> str:
        """Another one after every change a served store makes. Raises ConfigError when somebody serves it."""
        ...

    async def count(self, table: Table) -> int: ...

    async def read(self, table: Table, after: Key | None, take: Callable[[Stretch], Awaitable[None]]) -> None:
        """Hand every row after `after` (None: all) to `take`, in stretches bounded in number and bytes; events come
        in the order of `accepted`."""
        ...

    async def last_line(self) -> int:
        """The last place given to a ledger line, 0 for none; it is never given again."""
        ...

    async def running_jobs(self) -> int:
        """How many jobs have not ended: their places are of events of this store, and mean nothing in another."""
        ...

    async def out_of_turn(self) -> int:
        """How many deliveries are to be sent in another order than that of their ids."""
        ...

    async def close(self) -> None:
        """Idempotent."""
        ...


class Copy(Contents, Protocol):
    """Contents being written, with the progress beside them until `finish`; no process serves the store before.

    All writes raise StoreUnavailable; what was written before stays.
    """

    async def begin(self, mark: str) -> dict[Table, Progress]:
        """Start the copy of the source with this mark, or go on with it. Raises ConfigError for a store that is not
        empty, or that holds an unfinished copy of another source."""
        ...

    async def write(self, table: Table, rows: list[Row], before: Progress, after: Progress) -> None:
        """Store rows and progress in one commit. Raises RowsRefused, also when the progress is not as `before`.

        Events get places in the order they are written in."""
        ...

    async def set_last_line(self, place: int) -> None:
        """All rows are written; ledger lines from now on get places after this one."""
        ...

    async def finish(self) -> None:
        """The copy is whole: the store may be served."""
        ...
