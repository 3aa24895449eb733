"""Lanes: what waits in memory, one lane per webhook, and turn-taking between tenants and their webhooks.

A lane has bounded places and bounded concurrency, so a receiver that hangs fills its own lane and nothing
else. A delivery holds its place from admission until it is settled: memory stays bounded even while the
store is away.

Three rules keep room for the next lane, however many are stuck. A lane holds some times its window, which grows
only while its receiver accepts what it gets, so one that hangs holds little. No lane may take more than a share of
what is still free (dynamic thresholds; Choudhury and Hahne, 1998). And half of everything is kept for lanes that
have next to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from outrider.dispatch.lease import Lease, Peers
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.turns import Lane, Turns
from outrider.domain.model import Delivery, Webhook
from outrider.domain.pacing import TokenBucket
from outrider.ports.picture import Picture

FIRST_WINDOW = 4
LITTLE = 16  # places a lane may always have, as long as there is one at all
AHEAD = 16  # times its window that a lane may hold: what hangs is left in the queue
TENANT_SHARE = 4  # times what is free that a tenant may hold, and have under way
WEBHOOK_PLACES = 2  # times what is free that a webhook may hold; it may have half of what is free under way
PLACE_BYTES = 4096
LAUNCHES = 32  # before the loop has a turn for others
BURST_S = 0.1  # a rate limit lets this many seconds' worth go at once


class LaneLimits(msgspec.Struct, frozen=True):
    """Places in memory, each for one delivery of up to PLACE_BYTES (a larger one takes more); deliveries under way
    altogether and per webhook.

    `failing_retries` bounds retries that fail, per second over all webhooks; ten seconds' worth may go at once.
    """

    places: int = 40_000
    under_way: int = 1_024
    under_way_per_webhook: int = 64
    failing_retries: float = 100.0


class Lanes:
    """Implements `ports.handover.Handover`. Not thread-safe: lives on the event loop.

    `launch` is called with a delivery whose turn it is, `give_back` with one that may not be sent now, `hungry`
    when a lane has room for what it turned away, `wake` when anything may be claimable, `hint` when something is
    stored that another process may have room for. `soon` calls what it is given in the loop's next turn.

    With several processes, a webhook with limits of its own, or whose circuit is not closed, is sent to by one of
    them (`Peers.home`), so that limits and probes are counted in one place.
    """

    def __init__(
        self,
        limits: LaneLimits,
        picture: Picture,
        receivers: Receivers,
        lease: Lease,
        peers: Peers,
        *,
        launch: Callable[[Delivery], None],
        give_back: Callable[[Delivery], None],
        hungry: Callable[[str, str], None],
        wake: Callable[[], None],
        hint: Callable[[], None],
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._lease = lease
        self._peers = peers
        self._hint = hint
        self._soon = soon
        self._limits = limits
        self._picture = picture
        self._receivers = receivers
        self._launch = launch
        self._give_back = give_back
        self._hungry = hungry
        self._wake = wake
        self._turns = Turns()
        self._rates: dict[str, TokenBucket] = {}
        self._retries = TokenBucket(limits.failing_retries, limits.failing_retries * 10, 0.0)
        self._squeezed: dict[str, Lane] = {}  # would send more, were more free
        self.held = 0
        self.under_way = 0
        self.open = True
        self._launched = 0  # since the loop had a turn for others

    def admit(self, delivery: Delivery) -> bool:
        """Reserve a place; False when there is none, or its webhook may not be sent to now."""
        if self.room(delivery.tenant, delivery.webhook) <= 0:
            self.expect_more(delivery.webhook)
            return False
        self._hold(self._turns.lane(delivery.tenant, delivery.webhook, FIRST_WINDOW), _places(delivery))
        return True

    def reserve(self, tenant: str, webhook: str, most: int) -> int:
        """Hold places for a claim, at most `most`, until `fill`: claims that run at once share what is free."""
        count = min(self.room(tenant, webhook), most)
        if count:
            self._hold(self._turns.lane(tenant, webhook, FIRST_WINDOW), count)
        return count

    def fill(self, webhook: str, reserved: int, claimed: Sequence[Delivery]) -> None:
        """A claim is over: what it brought takes its places, the others are free again."""
        lane = self._turns.lanes[webhook]
        self._hold(lane, sum(map(_places, claimed)))
        self._free(lane, reserved)
        if self.open:
            self.start(claimed)
        else:
            for delivery in claimed:
                self._give_back(delivery)

    def room(self, tenant: str, webhook: str) -> int:
        """Places that are left for this webhook; 0 while it may not be sent to."""
        found = self._picture.webhook(tenant, webhook)
        if not self.open or found is None or found.disabled_reason:
            return 0
        circuit = self._receivers.allowed(found)
        if self._is_elsewhere(found, circuit):
            return 0
        lane = self._turns.lanes.get(webhook)
        held, window = (lane.held, lane.window) if lane else (0, FIRST_WINDOW)
        room = min(self._fair_places(tenant, held), AHEAD * window - held)
        if circuit is not None:
            room = min(room, circuit - held)
        return max(0, room)

    def _is_elsewhere(self, webhook: Webhook, circuit: int | None) -> bool:
        """Whether another process is the one that sends to it now."""
        limited = webhook.max_concurrency is not None or webhook.rate_limit is not None
        return (limited or circuit is not None) and not self._peers.home(webhook.id)

    def _fair_places(self, tenant: str, held: int) -> int:
        """Places that fairness leaves a lane which holds `held`."""
        free = self._limits.places // 2 - self.held
        fair = WEBHOOK_PLACES * free - held
        party = self._turns.tenants.get(tenant)
        if party is not None:
            fair = min(fair, TENANT_SHARE * free - party.held)
        return max(fair, min(LITTLE - held, self._limits.places - self.held))

    def start(self, deliveries: Iterable[Delivery]) -> None:
        """Queue admitted deliveries for their turn."""
        for delivery in deliveries:
            lane = self._turns.lane(delivery.tenant, delivery.webhook, FIRST_WINDOW)
            lane.waiting.append(delivery)
            self._turns.want(lane)
        self._pump()

    def withdraw(self, deliveries: Iterable[Delivery]) -> None:
        """Free the places of admitted deliveries that will not come."""
        for delivery in deliveries:
            self.leave(delivery)

    def stored(self, deliveries: Iterable[Delivery]) -> None:
        """These are committed without a place: claim them as soon as there is room."""
        for tenant, webhook in {(d.tenant, d.webhook) for d in deliveries}:
            if self.room(tenant, webhook):
                self._hungry(tenant, webhook)
            else:
                self.expect_more(webhook)
                self._hint()

    def wake(self) -> None:
        self._wake()
        self._hint()

    def landed(self, delivery: Delivery, *, delivered: bool) -> None:
        """An attempt is over: its turn goes to the next; its place stays held until `leave`."""
        lane = self._turns.lanes[delivery.webhook]
        lane.under_way -= 1
        lane.tenant.under_way -= 1
        self.under_way -= 1
        lane.window = lane.window + 1 if delivered else max(1, lane.window // 2)
        if delivered and delivery.attempts:
            self._retries.give_back()
        self._turns.want(lane)
        if self._squeezed:
            self._turns.want(self._squeezed.pop(next(iter(self._squeezed))))
        self._pump()

    def leave(self, delivery: Delivery) -> None:
        """A delivery is settled or withdrawn: its place is free."""
        self._free(self._turns.lanes[delivery.webhook], _places(delivery))

    def _hold(self, lane: Lane, count: int) -> None:
        lane.held += count
        lane.tenant.held += count
        self.held += count

    def _free(self, lane: Lane, count: int) -> None:
        self._hold(lane, -count)
        if lane.more and self.room(lane.tenant.id, lane.webhook) >= lane.held:
            lane.more = False
            self._hungry(lane.tenant.id, lane.webhook)
        if lane.held == 0:
            self._squeezed.pop(lane.webhook, None)
            self._turns.forget(lane)

    def expect_more(self, webhook: str) -> None:
        """The queue has more for this webhook than its lane could take."""
        lane = self._turns.lanes.get(webhook)
        if lane is not None:
            lane.more = True

    def resume(self) -> None:
        """The lease was renewed: go on with what waits."""
        self._pump()

    def close(self) -> list[Delivery]:
        """Admit and launch nothing any more; returns what had not had its turn, places freed."""
        self.open = False
        return self.empty()

    def empty(self) -> list[Delivery]:
        """Take out everything that had not had its turn, places freed."""
        unstarted = [delivery for lane in self._turns.lanes.values() for delivery in lane.empty()]
        self._turns.clear()
        self._squeezed.clear()
        self.withdraw(unstarted)
        return unstarted

    def _pump(self) -> None:
        """Give turns, one delivery at a time, while there is room under way; after LAUNCHES go on in the loop's
        next turn, so that a large burst keeps nobody else waiting."""
        while self.under_way < self._limits.under_way and self._lease.held and self._launched < LAUNCHES:
            lane = self._turns.next()
            if lane is None:
                return
            webhook = self._picture.webhook(lane.tenant.id, lane.webhook)
            allowed = self._allowed(webhook)
            if allowed <= 0:
                self._send_back(lane)
            elif lane.under_way >= min(allowed, lane.window):
                pass  # the next of its own to land gives it a turn
            elif lane.under_way >= self._share(lane):
                self._squeezed[lane.webhook] = lane
            elif (pause := self._pause(lane, webhook)) > 0:
                lane.timer = asyncio.get_running_loop().call_later(pause, self._resume, lane)
            else:
                self._take_turn(lane)

    def _allowed(self, webhook: Webhook | None) -> int:
        """Attempts this webhook may have under way, whoever else wants to send; 0 when none at all."""
        if webhook is None:
            return 1  # deleted: the attempt finds that out and cancels
        if webhook.disabled_reason:
            return 0
        most = webhook.max_concurrency or self._limits.under_way_per_webhook
        circuit = self._receivers.allowed(webhook)
        if self._is_elsewhere(webhook, circuit):
            return 0
        return most if circuit is None else min(most, circuit)

    def _share(self, lane: Lane) -> int:
        """What fairness leaves this lane: never nothing, so every lane moves."""
        free = self._limits.under_way // 2 - self.under_way
        if lane.tenant.under_way >= TENANT_SHARE * free:
            return 1
        return max(1, free // 2)

    def _pause(self, lane: Lane, webhook: Webhook | None) -> float:
        """Seconds until the lane's head may start, by its rate limit and the retry budget."""
        rate = webhook.rate_limit if webhook is not None else None
        if rate is None:
            self._rates.pop(lane.webhook, None)
        if rate is None and not lane.waiting[0].attempts:
            return 0.0
        now = asyncio.get_running_loop().time()
        pause = self._rate(lane.webhook, rate, now).wait(now) if rate is not None else 0.0
        return max(pause, self._retries.wait(now)) if lane.waiting[0].attempts else pause

    def _rate(self, webhook: str, rate: float, now: float) -> TokenBucket:
        bucket = self._rates.get(webhook)
        if bucket is None or bucket.rate != rate:
            bucket = self._rates[webhook] = TokenBucket(rate, max(1.0, rate * BURST_S), now)
        return bucket

    def _take_turn(self, lane: Lane) -> None:
        delivery = lane.waiting.popleft()
        if delivery.attempts:
            self._retries.take()
        bucket = self._rates.get(lane.webhook)
        if bucket is not None:
            bucket.take()
        lane.under_way += 1
        lane.tenant.under_way += 1
        self.under_way += 1
        self._turns.want(lane)
        self._launch(delivery)
        self._launched += 1
        if self._launched >= LAUNCHES:
            self._soon(self._go_on)

    def _go_on(self) -> None:
        self._launched = 0
        self._pump()

    def _resume(self, lane: Lane) -> None:
        lane.timer = None
        self._turns.want(lane)
        self._pump()

    def _send_back(self, lane: Lane) -> None:
        """The circuit opened or the webhook was disabled: what waited here waits in the queue."""
        for delivery in lane.empty():
            self._give_back(delivery)


def _places(delivery: Delivery) -> int:
    return 1 + len(delivery.body or b"") // PLACE_BYTES
