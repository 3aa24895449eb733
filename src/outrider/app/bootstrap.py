"""The first tenant of an empty store."""

from __future__ import annotations

import logging

import msgspec

from outrider.app.books import Books
from outrider.domain.ids import uuid7
from outrider.domain.model import Tenant
from outrider.domain.strength import ENOUGH_BITS, bits
from outrider.ports.book import Book
from outrider.ports.clock import Clock, Entropy
from outrider.ports.vault import Vault

log = logging.getLogger("outrider.access")


class FirstCredentials(msgspec.Struct, frozen=True):
    """The first tenant's credentials; `generated` are to be shown once, because nobody knows them yet."""

    api_key: str
    api_secret: str
    generated: bool


async def bootstrap(
    *,
    book: Book,
    books: Books,
    vault: Vault,
    clock: Clock,
    entropy: Entropy,
    api_key: str | None,
    api_secret: str | None,
) -> FirstCredentials | None:
    """Make the first tenant when there is none; None when the store has tenants already.

    Warns of a secret that was chosen and could be guessed: it also signs, so receivers see what it made.
    """
    if not books.empty():
        return None
    if api_secret and bits(api_secret) < ENOUGH_BITS:
        log.warning(
            "the first tenant's API secret is weak: set OUTRIDER_BOOTSTRAP_API_SECRET to at least 32 random "
            "characters before the first start, or leave it out and one is made"
        )
    now = clock.now()
    identity = uuid7(now, entropy.bytes(10))
    made = FirstCredentials(
        api_key or entropy.bytes(16).hex(), api_secret or entropy.bytes(32).hex(), not (api_key and api_secret)
    )
    sealed = vault.seal(made.api_secret, f"tenant/{identity}/api-secret")
    added = await book.add_first_tenant(Tenant(identity, "default", made.api_key, sealed, now))
    await books.load()
    return made if added else None
