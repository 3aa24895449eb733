"""What an attempt comes to when it is not the receiver's doing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from outrider.dispatch.attempt import Attempter
from outrider.dispatch.receivers import Receivers
from outrider.domain.breaker import Rules
from outrider.domain.delivery import Line, Policy
from outrider.domain.errors import OurError
from outrider.domain.ids import Ids
from outrider.domain.model import Delivery, Tenant, TenantBook, Webhook
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.ports.sender import Request
from outrider.vault.keyring import Keyring

REASON = "this process can open no more sockets"
HOOK = Webhook("w", "t", "", ("Login",), "https://a.example/", "", None, None, None, 0, 0)
DELIVERY = Delivery("d", "t", "w", "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "Login", None, b"{}", 1, 0)


class Picture:
    def __init__(self, vault: Keyring) -> None:
        tenant = Tenant("t", "t", "key", vault.seal("secret", "tenant/t/api-secret"), 0)
        self._book = TenantBook(tenant, 1, {"w": HOOK}, {}, {})

    def webhook(self, tenant: str, webhook: str) -> Webhook:
        return HOOK

    def of(self, tenant: str) -> TenantBook:
        return self._book


class Short:
    async def send(self, request: Request) -> Any:
        raise OurError(REASON)


@pytest.fixture
def attempter() -> Attempter:
    vault, clock, entropy = Keyring({1: b"k" * 32}), SystemClock(), SystemEntropy()
    return Attempter(
        picture=Picture(vault), sender=Short(), vault=vault, clock=clock, entropy=entropy,
        ids=Ids(clock.now, entropy.bytes), receivers=Receivers(clock, entropy, Rules()),
        policy=Policy(schedule=(1_000,)), timeout_ms=1_000,
    )  # fmt: skip


def test_a_sender_that_cannot_send_spends_no_attempt(attempter: Attempter) -> None:
    settlement = asyncio.run(attempter.run(DELIVERY))
    assert settlement is not None
    assert (settlement.step.line, settlement.step.attempts, settlement.reason) == (Line.DEFERRED, 1, REASON)
    assert settlement.attempt is None


def test_a_trial_says_that_it_was_ours(attempter: Attempter) -> None:
    with pytest.raises(OurError, match=REASON):
        asyncio.run(attempter.probe(DELIVERY))
