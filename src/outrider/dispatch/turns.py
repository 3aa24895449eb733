"""Turn-taking: tenants take turns, and within a tenant its webhooks do, one delivery a turn."""

from __future__ import annotations

import asyncio
from collections import deque

from outrider.domain.model import Delivery


class Party:
    """A tenant's lanes that want a turn, and what it holds altogether."""

    __slots__ = ("held", "id", "lanes", "ring", "under_way")

    def __init__(self, identity: str) -> None:
        self.id = identity
        self.ring: deque[Lane] = deque()
        self.lanes = 0
        self.held = 0
        self.under_way = 0


class Lane:
    """One webhook's deliveries in memory: `waiting` for a turn, `under_way`, and `held`, which counts both and
    those being committed or settled."""

    __slots__ = ("held", "more", "queued", "tenant", "timer", "under_way", "waiting", "webhook", "window")

    def __init__(self, webhook: str, tenant: Party, window: int) -> None:
        self.webhook = webhook
        self.tenant = tenant
        self.waiting: deque[Delivery] = deque()
        self.held = 0
        self.under_way = 0
        self.window = window  # how many may be under way: grows with successes, halves with failures
        self.queued = False  # wants a turn
        self.more = False  # the queue has deliveries that found no place here
        self.timer: asyncio.TimerHandle | None = None  # paused until then

    def empty(self) -> list[Delivery]:
        """Take out everything that waits."""
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting


class Turns:
    """All lanes, and whose turn is next."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.tenants: dict[str, Party] = {}
        self._ring: deque[Party] = deque()

    def lane(self, tenant: str, webhook: str, window: int) -> Lane:
        """The webhook's lane, made when there is none."""
        lane = self.lanes.get(webhook)
        if lane is None:
            party = self.tenants.get(tenant)
            if party is None:
                party = self.tenants[tenant] = Party(tenant)
            party.lanes += 1
            lane = self.lanes[webhook] = Lane(webhook, party, window)
        return lane

    def want(self, lane: Lane) -> None:
        """Line up for a turn, unless lined up already, paused, or nothing waits."""
        if lane.waiting and not lane.queued and lane.timer is None:
            lane.queued = True
            if not lane.tenant.ring:
                self._ring.append(lane.tenant)
            lane.tenant.ring.append(lane)

    def next(self) -> Lane | None:
        """The lane whose turn it is, no longer lined up; None when nobody wants a turn."""
        if not self._ring:
            return None
        party = self._ring.popleft()
        lane = party.ring.popleft()
        lane.queued = False
        if party.ring:
            self._ring.append(party)
        return lane

    def forget(self, lane: Lane) -> None:
        """Drop a lane that holds nothing."""
        if lane.timer is not None:
            lane.timer.cancel()
        del self.lanes[lane.webhook]
        lane.tenant.lanes -= 1
        if lane.tenant.lanes == 0:
            del self.tenants[lane.tenant.id]

    def clear(self) -> None:
        """Nobody wants a turn any more."""
        for party in self._ring:
            party.ring.clear()
        self._ring.clear()
        for lane in self.lanes.values():
            lane.queued = False
            if lane.timer is not None:
                lane.timer.cancel()
                lane.timer = None
