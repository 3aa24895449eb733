"""Everything that can go wrong, sorted by who has to act.

    OutriderError
    ├── CallerError        the request was wrong: 4xx, nothing stored, says what to change
    ├── OurError           we could not: 5xx, never costs a delivery an attempt
    └── ConfigError        the process cannot start: exit status 78, or 75 where it may start later

A receiver's faults are not exceptions: they are outcomes (`domain/delivery.py`) and go to the ledger.
"""

from __future__ import annotations


class OutriderError(Exception):
    """Root of every error this package raises on purpose."""


class CallerError(OutriderError):
    """The caller has to change the request.

    `code` is the integer `ErrorCode` of the error body, `status` the HTTP status. `field`, `expected` and
    `given` name the offending part; `given` must never carry a secret.
    """

    def __init__(
        self,
        message: str,
        description: str,
        *,
        code: int,
        status: int = 400,
        field: str | None = None,
        expected: str | None = None,
        given: str | None = None,
    ) -> None:
        super().__init__(description)
        self.message = message
        self.description = description
        self.code = code
        self.status = status
        self.field = field
        self.expected = expected
        self.given = given


class InvalidField(CallerError):
    """A field of the request does not hold what it has to hold (LoginRadius code 7900, HTTP 400)."""

    def __init__(self, field: str, expected: str, given: str, *, code: int = 7900, status: int = 400) -> None:
        super().__init__(
            "A parameter is not formatted correctly",
            f"{field}: expected {expected}, given {given}",
            code=code,
            status=status,
            field=field,
            expected=expected,
            given=given,
        )


class NotFound(CallerError):
    """The named thing does not exist in this tenant."""

    def __init__(self, what: str, name: str, *, code: int = 7904) -> None:
        super().__init__(f"{what} not found", f"no {what} {name!r} in this tenant", code=code, status=404)


class Conflict(CallerError):
    """The request contradicts what is already stored."""

    def __init__(self, field: str, expected: str, given: str, *, code: int = 7987) -> None:
        super().__init__(
            "The request conflicts with what is stored",
            f"{field}: expected {expected}, given {given}",
            code=code,
            status=409,
            field=field,
            expected=expected,
            given=given,
        )


class Throttled(CallerError):
    """The caller asks too often; the next request may come in `retry_after` seconds."""

    def __init__(self, description: str, retry_after: int) -> None:
        super().__init__(
            "Too many requests", f"{description}; call again in {retry_after} s", code=7929, status=429
        )
        self.retry_after = retry_after


class TooManyCalls(Throttled):
    """The tenant calls more often than its settings allow."""

    def __init__(self, per_second: float, retry_after: int) -> None:
        super().__init__(f"this tenant's limit is {per_second:g} calls per second", retry_after)


class TooManyGuesses(Throttled):
    """Too many wrong credentials came from this source; what it sends now was not compared."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many wrong credentials came from this address", retry_after)


class OurError(OutriderError):
    """We could not do it; the caller may try again after `retry_after` seconds. `hint` is what the caller is
    told."""

    retry_after = 1
    hint = "nothing was stored; send the request again"


class StoreUnavailable(OurError):
    """The store cannot commit now: overloaded, disk full, or gone."""


class StoreDamaged(OurError):
    """A row of the store cannot be read; the text names its table."""


class Overloaded(OurError):
    """More is asked at once than there is memory or time for."""


class PartlyStored(OurError):
    """The store went away in the middle of a request that takes several commits: its first events are stored."""

    def __init__(self, stored: int, of: int) -> None:
        super().__init__(f"the first {stored} of {of} events were stored")
        self.hint = (
            f"the first {stored} of {of} events are stored; send the request again: events with an Id are not "
            "stored twice"
        )


class StoreTooNew(OurError):
    """While the others had given this process up, the store was migrated to what it does not know."""


class Unreadable(OurError):
    """What the store holds of one delivery cannot be read. `args[0]` says what, without any of it."""


class ConfigError(OutriderError):
    """A setting cannot be honoured; the process does not start."""

    def __init__(self, field: str, expected: str, given: str) -> None:
        super().__init__(f"{field}: expected {expected}, given {given}")
        self.field = field
        self.expected = expected
        self.given = given


class StoreAway(ConfigError):
    """The store cannot be reached now and may be there later: a start waits for it, then exits 75."""
