"""Webhooks at rest: target URL, custom headers and query parameters are sealed, because receivers take credentials
in all of them. In memory they are open, so that nothing is unsealed for an attempt.

What a version before this one stored in clear is sealed once every process on the store can read it so.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from outrider.domain.errors import StoreDamaged, StoreUnavailable
from outrider.domain.model import Webhook
from outrider.domain.target import shown_url
from outrider.ports.book import Book, Sealing, Unsealed
from outrider.ports.vault import Unsealable, Vault

log = logging.getLogger("outrider.sealing")
AT_ONCE = 100
LOOK_AGAIN_S = 60.0
LOOK_NOW_AND_THEN_S = 3_600.0
_decode = msgspec.msgpack.Decoder(Webhook).decode


class _Hidden(msgspec.Struct, frozen=True):
    """What is sealed, as one: neither values nor names can be exchanged without being noticed."""

    target_url: str
    headers: dict[str, str] | None
    query_params: dict[str, str] | None


_open = msgspec.msgpack.Decoder(_Hidden).decode


def sealed(webhook: Webhook, vault: Vault) -> Webhook:
    """The webhook as it lies at rest."""
    hidden = msgspec.msgpack.encode(_Hidden(webhook.target_url, webhook.headers, webhook.query_params))
    content = vault.seal_content(hidden, _row(webhook))
    return msgspec.structs.replace(webhook, target_url="", headers=None, query_params=None, sealed=content)


def opened(webhook: Webhook, vault: Vault, before: Webhook | None = None) -> Webhook:
    """The webhook as it is used. `before` is an opened one that may be from the same bytes: those open once.

    One that does not open stays sealed: what it is owed waits, and nothing else is held up.
    """
    if webhook.sealed is None:
        return webhook
    if before is not None and before.sealed == webhook.sealed:
        hidden = _Hidden(before.target_url, before.headers, before.query_params)
    else:
        try:
            hidden = _open(vault.unseal_content(webhook.sealed, _row(webhook)))
        except Unsealable as error:
            log.error("webhook %s cannot be used: %s", webhook.id, error)
            return webhook
    return msgspec.structs.replace(
        webhook, target_url=hidden.target_url, headers=hidden.headers, query_params=hidden.query_params
    )


def _row(webhook: Webhook) -> str:
    return f"webhook/{webhook.id}/request"


async def seal_stored(book: Book, vault: Vault) -> bool:
    """Seal what lies in clear; whether nothing does any more. Raises StoreUnavailable, StoreDamaged.

    False while a process of the version before may still run, which reads the old form only.
    """
    if not await book.takes_sealed():
        return False
    count = 0
    while found := await book.unsealed(AT_ONCE):
        await book.seal([_sealing(one, vault) for one in found])
        count += len(found)
    if count:
        log.info("sealed the target URLs, headers and query parameters of %d stored versions of webhooks", count)
    return True


def _sealing(found: Unsealed, vault: Vault) -> Sealing:
    try:
        webhook = _decode(found.document)
    except msgspec.DecodeError as error:
        raise StoreDamaged(f"a row of webhook {found.webhook} cannot be read") from error
    hides = bool(webhook.headers or webhook.query_params) or shown_url(webhook.target_url) != webhook.target_url
    return Sealing(found, msgspec.msgpack.encode(sealed(webhook, vault)), hides)


class Sealer:
    """Seals what lies in clear as soon as it may, on a store that two versions share during an upgrade."""

    def __init__(self, book: Book, vault: Vault) -> None:
        self._book = book
        self._vault = vault

    async def run(self) -> None:
        """Until cancelled. A webhook that another process was saving meanwhile is found by a later look."""
        while True:
            try:
                done = await seal_stored(self._book, self._vault)
            except (StoreUnavailable, StoreDamaged) as error:
                log.warning("sealing waits for the store: %s", error)
                done = False
            await asyncio.sleep(LOOK_NOW_AND_THEN_S if done else LOOK_AGAIN_S)
