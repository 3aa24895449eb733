"""Named signing secrets: created, rotated, deleted; a value is shown once, when it is made."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence

import msgspec

from outrider.app import fields
from outrider.app.books import Books
from outrider.domain.clock import DAY, HOUR, iso
from outrider.domain.errors import Conflict, InvalidField, NotFound
from outrider.domain.ids import Ids, object_id
from outrider.domain.limits import MOST_SECRETS, MOST_VERSIONS
from outrider.domain.model import Secret, SecretVersion, TenantBook
from outrider.domain.news import SECRET_ROTATED, announce, secret_rotated
from outrider.domain.signing import PREFIX, signing_key
from outrider.ports.book import Book
from outrider.ports.clock import Clock, Entropy
from outrider.ports.handover import Handover
from outrider.ports.vault import Vault

LONGEST_OVERLAP = 7 * DAY
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?")
_VALUE = re.compile(r"[\x21-\x7e]{16,512}")


class SecretInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new secret. `Value` is made when absent: 32 random bytes in the `whsec_` form."""

    Name: fields.SecretName
    Value: fields.SecretValue | None = None


class RotationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rotation. The version before stays valid for `OverlapHours`."""

    Value: fields.SecretValue | None = None
    OverlapHours: fields.OverlapHours = 24


class Shown(msgspec.Struct, frozen=True):
    """A secret together with its value in clear, for the one answer that shows it."""

    secret: Secret
    value: str


class Secrets:
    def __init__(
        self,
        *,
        book: Book,
        books: Books,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        ids: Ids,
        handover: Handover,
    ) -> None:
        self._book = book
        self._books = books
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._ids = ids
        self._handover = handover

    def all(self, tenant: str) -> list[Secret]:
        return sorted(self._books.of(tenant).secrets.values(), key=lambda s: s.name.lower())

    def get(self, tenant: str, name: str) -> Secret:
        return _found(self._books.of(tenant), name)

    async def create(self, tenant: str, given: SecretInput) -> Shown:
        if not _NAME.fullmatch(given.Name) or given.Name.lower() == "none":
            expected = "1 to 64 letters, digits, dots, hyphens, underscores or spaces, and not None"
            raise InvalidField("Name", expected, "something else")
        now = self._clock.now()
        identity = object_id(now, self._entropy.bytes(8))
        value = self._value(given.Value)
        version = SecretVersion(1, self._seal(value, identity), now)
        secret = Secret(identity, tenant, given.Name, (version,), now)

        async def make(book: TenantBook) -> None:
            if secret.name.lower() in book.secrets:
                raise Conflict("Name", "a name no other secret has", secret.name)
            if len(book.secrets) >= MOST_SECRETS:
                raise InvalidField("Name", f"at most {MOST_SECRETS} secrets of a tenant", "one more")
            await self._book.save_secret(secret, book.version)

        await self._books.change(tenant, make)
        return Shown(secret, value)

    async def rotate(self, tenant: str, name: str, given: RotationInput, *, prevented: bool = False) -> Shown:
        """A new current version; both sign until the overlap ends. Tells the operator by SecretRotated.

        `prevented` records that event and sends it to nobody.
        """
        if not 0 <= given.OverlapHours * HOUR <= LONGEST_OVERLAP:
            raise InvalidField("OverlapHours", "0 to 168 hours", str(given.OverlapHours))
        value = self._value(given.Value)

        async def make(book: TenantBook) -> Secret:
            overlap = given.OverlapHours * HOUR
            return await self._rotated(book, _found(book, name), value, overlap, prevented=prevented)

        secret = await self._books.change(tenant, make)
        self._handover.wake()
        return Shown(secret, value)

    async def _rotated(
        self, book: TenantBook, before: Secret, value: str, overlap: int, *, prevented: bool
    ) -> Secret:
        now = self._clock.now()
        until = now + overlap
        newest = SecretVersion(before.versions[0].number + 1, self._seal(value, before.id), now)
        kept = [
            msgspec.structs.replace(v, valid_until=min(until, v.valid_until or until))
            for v in before.versions
            if v.valid_until is None or v.valid_until > now
        ]
        _check_together(kept, now)
        secret = msgspec.structs.replace(before, versions=(newest, *kept))
        news = announce(
            book,
            SECRET_ROTATED,
            secret.name,
            secret_rotated(secret.name, newest.number, until, now),
            now=now,
            new_id=self._ids.new,
            prevented=prevented,
        )
        await self._book.save_secret(secret, book.version, news)
        return secret

    async def delete(self, tenant: str, name: str) -> None:
        """Refused while a webhook names it."""

        async def make(book: TenantBook) -> None:
            secret = _found(book, name)
            users = [webhook.name for webhook in book.webhooks.values() if webhook.secret == secret.name]
            if users:
                raise Conflict("Name", "a secret no webhook uses", f"{secret.name}, used by {users[0]}")
            await self._book.delete_secret(tenant, secret.id, book.version)

        await self._books.change(tenant, make)

    def _seal(self, value: str, identity: str) -> str:
        return self._vault.seal(value, f"secret/{identity}")

    def _value(self, given: str | None) -> str:
        if given is None:
            return PREFIX + b64encode(self._entropy.bytes(32)).decode()
        if not _VALUE.fullmatch(given):
            raise InvalidField("Value", "16 to 512 visible ASCII characters", "something else")
        if given.startswith(PREFIX) and (
            signing_key(given) == given.encode() or not 24 <= len(signing_key(given)) <= 64
        ):
            raise InvalidField("Value", "whsec_ followed by 24 to 64 bytes in base64", "something else")
        return given


def _check_together(before: Sequence[SecretVersion], now: int) -> None:
    """That not too many versions sign along with a new one."""
    ends = [version.valid_until for version in before if version.valid_until and version.valid_until > now]
    if len(ends) >= MOST_VERSIONS:
        expected = (
            f"at most {MOST_VERSIONS} versions valid together; the first one of them ends at {iso(min(ends))}"
        )
        raise InvalidField("OverlapHours", expected, "one more")


def _found(book: TenantBook, name: str) -> Secret:
    found = book.secrets.get(name.lower())
    if found is None:
        raise NotFound("secret", name[:60])
    return found
