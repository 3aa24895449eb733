"""The first tenant of an empty store."""

from __future__ import annotations

import msgspec

from outrider.app.books import Books
from outrider.domain.ids import uuid7
from outrider.domain.model import Tenant
from outrider.ports.book import Book
from outrider.ports.clock import Clock, Entropy
from outrider.ports.vault import Vault


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
    """Make the first tenant when there is none; None when the store has tenants already."""
    if not books.empty():
        return None
    now = clock.now()
    identity = uuid7(now, entropy.bytes(10))
    made = FirstCredentials(
        api_key or entropy.bytes(16).hex(), api_secret or entropy.bytes(32).hex(), not (api_key and api_secret)
    )
    sealed = vault.seal(made.api_secret, f"tenant/{identity}/api-secret")
    added = await book.add_first_tenant(Tenant(identity, "default", made.api_key, sealed, now))
    await books.load()
    return made if added else None
