"""Answers that many calls share."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from outrider.app.fields import described
from outrider.domain.readiness import Unready

Date = Annotated[
    str,
    described("ISO 8601, UTC, with milliseconds.", examples=["2026-01-31T09:30:00.000Z"], format="date-time"),
]
Next = Annotated[
    str | None, described("Give it back as `cursor` for the next page; null when this page is the last one.")
]


class Deleted(msgspec.Struct, frozen=True):
    """It is gone."""

    IsDeleted: bool


class Health(msgspec.Struct, frozen=True):
    """Whether an event sent to this process would be accepted now, and if not, why."""

    Ready: bool
    Reasons: Annotated[list[Unready], described("Empty when it is ready.", examples=[[Unready.STORE_AWAY]])]


class Life(msgspec.Struct, frozen=True):
    """The process is alive, whatever else may be the matter."""

    Alive: bool


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with a field, as LoginRadius says it."""

    FieldName: str
    ErrorMessage: str


class Error(msgspec.Struct, frozen=True):
    """LoginRadius' error body. Where a part of the request is to blame, `Field`, `Expected` and `Given` name it."""

    Description: Annotated[str, described("What to change, in a sentence.")]
    ErrorCode: Annotated[int, described("What went wrong, for programs.", examples=[7900])]
    Message: Annotated[str, described("What went wrong, in general.")]
    IsProviderError: bool = False
    ProviderErrorResponse: str | None = None
    Errors: list[FieldError] | UnsetType = UNSET
    Field: Annotated[str, described("The part of the request to change.", examples=["TargetUrl"])] | UnsetType = (
        UNSET
    )
    Expected: Annotated[str | None, described("What it has to be.")] | UnsetType = UNSET
    Given: Annotated[str | None, described("What it was; never a secret.")] | UnsetType = UNSET
