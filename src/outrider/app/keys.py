"""Scoped bearer keys: `ork_`, 43 random characters, and a checksum that finds typing errors offline."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import urlsafe_b64encode

import msgspec

from outrider.app import fields
from outrider.app.access import Caller, Scope
from outrider.app.books import Books
from outrider.domain.clock import iso, parse_iso
from outrider.domain.errors import InvalidField, NotFound
from outrider.domain.ids import object_id
from outrider.domain.limits import MOST_KEYS
from outrider.domain.model import ApiKey, TenantBook
from outrider.ports.book import Book
from outrider.ports.clock import Clock, Entropy

PREFIX = "ork_"
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


class KeyInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key. `Expires` is an ISO 8601 date; absent means never."""

    Name: fields.KeyName
    Scopes: fields.Scopes
    Expires: fields.Instant | None = None


class ShownKey(msgspec.Struct, frozen=True):
    """A key with its token, for the one answer that shows it."""

    key: ApiKey
    token: str


class Keys:
    def __init__(self, *, book: Book, books: Books, clock: Clock, entropy: Entropy) -> None:
        self._book = book
        self._books = books
        self._clock = clock
        self._entropy = entropy

    def all(self, tenant: str) -> list[ApiKey]:
        return sorted(self._books.of(tenant).keys.values(), key=lambda k: (k.created, k.id))

    async def create(self, caller: Caller, given: KeyInput) -> ShownKey:
        """A new key of the caller's tenant. It allows no more, and for no longer, than the caller's credentials."""
        name = given.Name.strip()
        if not _NAME.fullmatch(name):
            raise InvalidField("Name", "1 to 64 characters, no control characters", f"{len(name)} characters")
        if len(given.Scopes) > fields.MOST_SCOPES:
            raise InvalidField("Scopes", f"at most {fields.MOST_SCOPES}", f"{len(given.Scopes)}")
        wrong = [scope for scope in given.Scopes if scope not in set(Scope)]
        if wrong or not given.Scopes:
            raise InvalidField("Scopes", f"some of {', '.join(Scope)}", wrong[0][:60] if wrong else "none")
        scopes = tuple(Scope(scope) for scope in dict.fromkeys(given.Scopes))
        caller.need(scopes)
        now = self._clock.now()
        expires = None if given.Expires is None else parse_iso(given.Expires, "Expires")
        if expires is not None and expires <= now:
            raise InvalidField("Expires", "a date in the future", given.Expires or "")
        if caller.expires is not None and (expires is None or expires > caller.expires):
            raise InvalidField(
                "Expires", f"at most {iso(caller.expires)}, as its maker's", given.Expires or "never"
            )
        token = _token(self._entropy.bytes(32))
        key = ApiKey(
            id=object_id(now, self._entropy.bytes(8)),
            tenant=caller.tenant,
            name=name,
            scopes=scopes,
            digest=hashlib.sha256(token.encode()).hexdigest(),
            created=now,
            expires=expires,
        )

        async def make(book: TenantBook) -> None:
            if len(book.keys) >= MOST_KEYS:
                raise InvalidField("Name", f"at most {MOST_KEYS} keys of a tenant", "one more")
            await self._book.save_key(key, book.version)

        await self._books.change(caller.tenant, make)
        return ShownKey(key, token)

    async def delete(self, tenant: str, key: str) -> None:
        """Revoked at once."""

        async def make(book: TenantBook) -> None:
            if key not in book.keys:
                raise NotFound("key", key[:60])
            await self._book.delete_key(tenant, key, book.version)

        await self._books.change(tenant, make)


def _token(random: bytes) -> str:
    secret = urlsafe_b64encode(random).rstrip(b"=")
    return f"{PREFIX}{secret.decode()}_{binascii.crc32(secret):08x}"
