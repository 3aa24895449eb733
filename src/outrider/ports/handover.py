"""From intake straight to the lanes. Used by `app/accept.py`, implemented in `dispatch/lanes.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from outrider.domain.model import Delivery


class Handover(Protocol):
    def admit(self, delivery: Delivery) -> bool:
        """Whether the lane has room; True reserves a place until `start` or `withdraw`."""
        ...

    def start(self, deliveries: Iterable[Delivery]) -> None:
        """The admitted deliveries are committed and leased to this process."""
        ...

    def withdraw(self, deliveries: Iterable[Delivery]) -> None:
        """The admitted deliveries were not committed; free their places."""
        ...

    def stored(self, deliveries: Iterable[Delivery]) -> None:
        """These are committed without a lease. A hint, never the truth."""
        ...

    def wake(self) -> None:
        """A webhook may be sent to again. A hint, never the truth."""
        ...
