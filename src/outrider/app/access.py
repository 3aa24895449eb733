"""Who is calling: LoginRadius' key and secret, or a scoped bearer key of ours.

Error codes and statuses: LoginRadius' customer identity API codes (901, 902, 920 to 923, 1143).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from outrider.app.books import Books
from outrider.app.guesses import Guesses
from outrider.domain.clock import iso
from outrider.domain.errors import CallerError
from outrider.domain.model import TenantBook
from outrider.ports.clock import Clock
from outrider.ports.vault import Vault


class Scope(StrEnum):
    """What a bearer key may do. An API key with its secret may do everything."""

    SEND = "events:write"
    READ = "manage:read"
    WRITE = "manage:write"


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """What the request carried; None where absent."""

    api_key: str | None = None
    api_secret: str | None = None
    bearer: str | None = None


EVERY_SCOPE = frozenset(Scope)


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Whose credentials were sent and what they allow; `expires` is None where they hold for ever."""

    tenant: str
    scopes: frozenset[Scope] = EVERY_SCOPE
    expires: int | None = None

    def need(self, scopes: Iterable[Scope]) -> None:
        """Raises AccessDenied for the first of `scopes` that the credentials lack."""
        for scope in scopes:
            if scope not in self.scopes:
                raise AccessDenied(
                    "Access Unauthorized", f"the bearer key lacks the scope {scope}", code=1143, status=403
                )


class AccessDenied(CallerError):
    """The credentials are missing, wrong, or not enough."""


def _denied(code: int, status: int, message: str, hint: str) -> AccessDenied:
    return AccessDenied(message, hint, code=code, status=status)


class Access:
    """Judges credentials. Wrong ones count as guesses of their source (`app/guesses.py`)."""

    def __init__(self, books: Books, vault: Vault, clock: Clock, guesses: Guesses) -> None:
        self._books = books
        self._vault = vault
        self._clock = clock
        self._guesses = guesses

    def authenticate(self, given: Credentials, source: str) -> Caller:
        """Who calls. `source` is the network address the request came from.

        Raises AccessDenied, and TooManyGuesses where this source has guessed too often.
        """
        if given.bearer is not None:
            return self._bearer(given.bearer, source)
        if not given.api_key:
            raise _denied(922, 400, "API key is missing", "send apikey and apisecret, or a bearer key")
        if not given.api_secret:
            raise _denied(923, 400, "API secret is missing", "send apisecret beside apikey")
        book = self._books.by_api_key(given.api_key)
        if book is None:
            self._guesses.wrong("", source, "an API key that no tenant has")
            raise _denied(901, 403, "The API key is unauthorized", "no tenant has this API key")
        tenant = book.tenant.id
        self._guesses.admit(tenant, source)
        if not hmac.compare_digest(self._secret(book).encode(), given.api_secret.encode()):
            self._guesses.wrong(tenant, source, "an API secret that is not the API key's")
            raise _denied(902, 401, "The API secret is unauthorized", "the API secret is not this key's")
        self._guesses.right(tenant, source)
        return Caller(tenant)

    def _secret(self, book: TenantBook) -> str:
        return self._vault.unseal(book.tenant.api_secret, f"tenant/{book.tenant.id}/api-secret")

    def _bearer(self, token: str, source: str) -> Caller:
        owned = self._books.by_bearer(token)
        if owned is None:
            self._guesses.wrong("", source, "a bearer key that is unknown or was revoked")
            raise _denied(901, 401, "The API key is unauthorized", "the bearer key is unknown or was revoked")
        expires = owned.key.expires
        if expires is not None and expires <= self._clock.now():
            raise _denied(901, 401, "The API key is unauthorized", f"the bearer key expired at {iso(expires)}")
        return Caller(owned.tenant, owned.scopes, expires)
