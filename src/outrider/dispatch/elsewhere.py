"""`ports.handover.Handover` for a process that does not dispatch: everything is stored, and others are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from outrider.domain.model import Delivery


class Elsewhere:
    def __init__(self, hint: Callable[[], None]) -> None:
        self._hint = hint

    def admit(self, delivery: Delivery) -> bool:  # noqa: ARG002 - the answer is the same for all
        return False

    def start(self, deliveries: Iterable[Delivery]) -> None:
        """None were admitted."""

    def withdraw(self, deliveries: Iterable[Delivery]) -> None:
        """None were admitted."""

    def stored(self, deliveries: Iterable[Delivery]) -> None:  # noqa: ARG002 - others look what it is
        self._hint()

    def wake(self) -> None:
        self._hint()
