"""A store: everything that survives this process. Used by `wiring.py`."""

from __future__ import annotations

from typing import Protocol

from outrider.domain.errors import ConfigError
from outrider.domain.readiness import Unready
from outrider.ports.book import Book
from outrider.ports.jobs import Jobs
from outrider.ports.ledger import Ledger
from outrider.ports.neighbours import Neighbours
from outrider.ports.objects import CustomObjects
from outrider.ports.queue import Queue
from outrider.ports.system import System
from outrider.ports.upkeep import Upkeep


class Store(Protocol):
    """`neighbours` is None where no other process can share the store."""

    @property
    def queue(self) -> Queue: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def book(self) -> Book: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def objects(self) -> CustomObjects: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def system(self) -> System: ...
    @property
    def neighbours(self) -> Neighbours | None: ...

    async def unready(self) -> Unready | None:
        """Why an event could not be stored now; None when it could. Tries that, but at most once a second, however
        many ask."""
        ...

    async def wipe(self) -> None:
        """Have the store's own files forget the secrets that lay in clear before they were sealed, as far as the
        store can. Called before it is served. What cannot be done now is logged, and done by a later call."""
        ...

    def explained(self, error: BaseException) -> ConfigError | None:
        """The sentence a start ends with because of `error`; None when the store is not to blame."""
        ...

    async def close(self) -> None:
        """Idempotent."""
        ...
