"""A tenant's limits hold beside other processes: whoever commits second is judged by what the first one left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from outrider.app.books import Books
from outrider.app.settings import Settings, SettingsInput
from outrider.app.webhooks import WebhookInput, Webhooks
from outrider.domain.address import AddressPolicy
from outrider.domain.errors import CallerError
from outrider.domain.model import TenantSettings, Webhook
from outrider.observe.clock import SystemClock, SystemEntropy
from outrider.vault.keyring import Keyring

T = "tenant-1"


class Process:
    """The use cases of one process, with its own picture of the configuration."""

    def __init__(self, store: Any) -> None:
        vault = Keyring({1: b"k" * 32})
        self.books = Books(store.book, vault)
        store.run(self.books.load())
        self.settings = Settings(book=store.book, books=self.books)
        self.webhooks = Webhooks(
            book=store.book,
            books=self.books,
            ledger=store.ledger,
            vault=vault,
            clock=SystemClock(),
            entropy=SystemEntropy(),
            handover=None,  # nothing is resumed here
            egress=AddressPolicy(),
        )

    async def create(self, **given: Any) -> Webhook | int:
        """The webhook, or the code of its refusal."""
        try:
            return await self.webhooks.create(T, WebhookInput(**{"Event": "Register"} | given))
        except CallerError as error:
            return error.code


@pytest.mark.parametrize(
    ("settings", "given", "code"),
    [
        ({"WebhooksPerEvent": 3}, [{"TargetUrl": f"https://{n}.example"} for n in range(12)], 1085),
        ({"UniqueTargetUrl": True}, [{"TargetUrl": "https://a.example"}] * 12, 7989),
        ({}, [{"TargetUrl": "https://a.example", "Name": "One" if n % 2 else "one"} for n in range(12)], 7987),
    ],
)
def test_creates_of_two_processes_together_break_no_limit(
    store: Any, settings: dict[str, Any], given: list[dict[str, str]], code: int
) -> None:
    processes = [Process(store), Process(store)]
    store.run(processes[0].settings.change(T, SettingsInput(**settings)))

    async def together() -> list[Webhook | int]:
        creates = (processes[n % 2].create(**one) for n, one in enumerate(given))
        return await asyncio.gather(*creates)

    made = store.run(together())
    fit = 3 if code == 1085 else 1
    assert sorted(m for m in made if isinstance(m, int)) == [code] * (12 - fit)
    there = {identity for identity in store.run(store.book.tenant(T)).webhooks if identity != "w"}
    assert there == {m.id for m in made if isinstance(m, Webhook)}


def test_a_limit_set_by_one_process_binds_the_other_at_once(store: Any) -> None:
    one, other = Process(store), Process(store)
    store.run(one.settings.change(T, SettingsInput(WebhooksPerEvent=1, LoginRadiusNames=True)))
    assert isinstance(store.run(other.create(TargetUrl="https://a.example", Name="a")), Webhook)
    assert store.run(one.create(TargetUrl="https://b.example", Name="b")) == 1085
    store.run(other.settings.change(T, SettingsInput(WebhooksPerEvent=None)))
    assert store.run(one.create(TargetUrl="https://b.example", Name="b.")) == 7900


def test_settings_are_kept(store: Any) -> None:
    process = Process(store)
    assert process.settings.of(T) == TenantSettings()
    given = SettingsInput(WebhooksPerEvent=5, UniqueTargetUrl=True, LoginRadiusNames=True, CallsPerSecond=50)
    changed = store.run(process.settings.change(T, given))
    assert changed == TenantSettings(5, True, True, 50)
    assert Process(store).settings.of(T) == changed
    assert store.run(process.settings.change(T, SettingsInput(CallsPerSecond=None))).calls_per_second is None
    assert Process(store).settings.of(T) == TenantSettings(5, True, True, None)
