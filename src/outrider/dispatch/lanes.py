"""Lanes: what waits in memory, one lane per webhook, and turn-taking between them.

A lane has bounded places and bounded concurrency, so a receiver that hangs fills its own lane and nothing
else. A delivery holds its place from admission until it is settled: memory stays bounded even while the
store is away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from outrider.domain.model import Delivery
from outrider.ports.picture import Picture


class LaneLimits(msgspec.Struct, frozen=True):
    """Counts of deliveries: in memory altogether and per webhook, under way altogether and per webhook."""

    places: int = 10_000
    places_per_webhook: int = 1_000
    under_way: int = 512
    under_way_per_webhook: int = 64


class _Lane:
    __slots__ = ("held", "more", "queued", "under_way", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.held = 0
        self.under_way = 0
        self.queued = False  # in the ring of lanes that want a turn
        self.more = False  # the queue has deliveries that found no place here


class Lanes:
    """Implements `ports.handover.Handover`. Not thread-safe: lives on the event loop.

    `launch` is called with a delivery whose turn it is; `hungry` when a lane has room for what it turned away.
    """

    def __init__(
        self, limits: LaneLimits, picture: Picture, launch: Callable[[Delivery], None], hungry: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._picture = picture
        self._launch = launch
        self._hungry = hungry
        self._lanes: dict[str, _Lane] = {}
        self._ring: deque[str] = deque()
        self.held = 0
        self.under_way = 0
        self.open = True

    def admit(self, delivery: Delivery) -> bool:
        """Reserve a place; False when the lane is full, its webhook disabled, or the engine stopping."""
        webhook = self._picture.webhook(delivery.tenant, delivery.webhook)
        if webhook is None or webhook.disabled_reason:
            return False
        if self.room(delivery.webhook) == 0:
            self._lane(delivery.webhook).more = True
            return False
        self._lane(delivery.webhook).held += 1
        self.held += 1
        return True

    def room(self, webhook: str) -> int:
        """How many more deliveries of this webhook may be held."""
        if not self.open:
            return 0
        lane = self._lanes.get(webhook)
        held = lane.held if lane else 0
        return max(0, min(self._limits.places - self.held, self._limits.places_per_webhook - held))

    def start(self, deliveries: Iterable[Delivery]) -> None:
        """Queue admitted deliveries for their turn."""
        for delivery in deliveries:
            lane = self._lane(delivery.webhook)
            lane.waiting.append(delivery)
            self._enqueue(delivery.webhook, lane)
        self._pump()

    def withdraw(self, deliveries: Iterable[Delivery]) -> None:
        """Free the places of admitted deliveries that will not come."""
        for delivery in deliveries:
            self.leave(delivery)

    def wake(self) -> None:
        self._hungry()

    def landed(self, delivery: Delivery) -> None:
        """An attempt is over: its turn goes to the next; its place stays held until `leave`."""
        lane = self._lanes[delivery.webhook]
        lane.under_way -= 1
        self.under_way -= 1
        self._enqueue(delivery.webhook, lane)
        self._pump()

    def leave(self, delivery: Delivery) -> None:
        """A delivery is settled or withdrawn: its place is free."""
        lane = self._lanes[delivery.webhook]
        lane.held -= 1
        self.held -= 1
        if lane.more and lane.held * 2 <= self._limits.places_per_webhook:
            lane.more = False
            self._hungry()
        if lane.held == 0 and not lane.queued:
            del self._lanes[delivery.webhook]

    def expect_more(self, webhook: str) -> None:
        """The queue has more for this webhook than its lane could take."""
        self._lane(webhook).more = True

    def close(self) -> list[Delivery]:
        """Admit and launch nothing any more; returns what had not had its turn, places freed."""
        self.open = False
        unstarted = [delivery for lane in self._lanes.values() for delivery in lane.waiting]
        self._ring.clear()
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.queued = False
        self.withdraw(unstarted)
        return unstarted

    def _lane(self, webhook: str) -> _Lane:
        lane = self._lanes.get(webhook)
        if lane is None:
            lane = self._lanes[webhook] = _Lane()
        return lane

    def _enqueue(self, webhook: str, lane: _Lane) -> None:
        if lane.waiting and not lane.queued and lane.under_way < self._limits.under_way_per_webhook:
            lane.queued = True
            self._ring.append(webhook)

    def _pump(self) -> None:
        """Give turns, one delivery per lane and round, while there is room under way."""
        while self._ring and self.under_way < self._limits.under_way:
            webhook = self._ring.popleft()
            lane = self._lanes[webhook]
            lane.queued = False
            delivery = lane.waiting.popleft()
            lane.under_way += 1
            self.under_way += 1
            self._enqueue(webhook, lane)
            self._launch(delivery)
