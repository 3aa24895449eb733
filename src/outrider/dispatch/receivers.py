"""What the engine knows of every receiver: the circuit breakers of all webhooks, kept across restarts."""

from __future__ import annotations

from collections.abc import Mapping

from outrider.domain.breaker import Health, Rules, Sign, allowed, given_up, observe
from outrider.domain.model import Webhook
from outrider.ports.clock import Clock, Entropy

_WELL = Health()


class Receivers:
    def __init__(self, clock: Clock, entropy: Entropy, rules: Rules) -> None:
        self._clock = clock
        self._entropy = entropy
        self._rules = rules
        self._known: dict[str, Health] = {}  # those that are not simply well
        # Webhooks we cannot send to through a fault of ours: until when, and whose.
        self._held: dict[str, tuple[int, str]] = {}

    def load(self, healths: Mapping[str, Health]) -> None:
        """What an earlier process knew."""
        self._known = dict(healths)

    def learn(self, healths: Mapping[str, Health]) -> None:
        """What another process knows now."""
        for webhook, health in healths.items():
            if health == _WELL:
                self._known.pop(webhook, None)
            else:
                self._known[webhook] = health

    def allowed(self, webhook: Webhook) -> int | None:
        """How many attempts the circuit lets be under way; None when it does not limit them. None at all while the
        webhook is held."""
        if self._held and self.held(webhook):
            return 0
        health = self._known.get(webhook.id)
        if health is None:
            return None
        return allowed(health, self._clock.steady(), webhook.modified, self._rules)

    def hold(self, webhook: Webhook, milliseconds: int) -> None:
        """Send nothing to it for that long: a fault of ours fails all of its deliveries alike."""
        self._held[webhook.id] = (self._clock.steady() + milliseconds, webhook.tenant)

    def held(self, webhook: Webhook) -> bool:
        found = self._held.get(webhook.id)
        if found is None:
            return False
        if found[0] <= self._clock.steady():
            del self._held[webhook.id]
            return False
        return True

    def how_many_held(self, tenant: str) -> int:
        now = self._clock.steady()
        return sum(until > now and owner == tenant for until, owner in self._held.values())

    def observe(self, webhook: Webhook, sign: Sign) -> Health | None:
        """Take note of an attempt; returns the health when it changed in a way worth keeping."""
        before = self._known.get(webhook.id, _WELL)
        if before is _WELL and sign is Sign.WELL:
            return None
        after = observe(
            before,
            sign,
            self._clock.steady(),
            self._rules,
            dice=self._entropy.dice(),
            enabled=max(webhook.enabled, webhook.created),
            modified=webhook.modified,
        )
        if after == _WELL:
            self._known.pop(webhook.id, None)
        else:
            self._known[webhook.id] = after
        return after if _worth_keeping(after) != _worth_keeping(before) else None

    def given_up(self, webhook: Webhook) -> bool:
        """Whether the webhook has done nothing but fail for too long."""
        return given_up(self._known.get(webhook.id, _WELL), self._rules)


def _worth_keeping(health: Health) -> tuple[object, ...]:
    """All but the count of failures: losing that in a crash is harmless."""
    run = (health.failing_since, health.run_since, health.run_days)
    return (health.circuit, health.probe, health.allowance, run)
