"""Lists with cursors that stay stable while rows arrive."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from outrider.domain.errors import InvalidField

LARGEST_PAGE = 200
LONGEST_CURSOR = 128
Row = TypeVar("Row")


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """Rows, newest first, and the cursor of the next page; None when this is the last."""

    rows: list[Row]
    next: str | None


def checked(limit: int) -> int:
    """The limit; raises InvalidField."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidField("limit", f"1 to {LARGEST_PAGE}", str(limit))
    return limit


def _foreign() -> InvalidField:
    """The error for a cursor that is not ours."""
    return InvalidField("cursor", "the Next of an earlier page of the same list", "something else")


def opened(cursor: str | None, fits: Callable[[str], bool]) -> str | None:
    """What `page` put into the cursor, if it `fits` the list. Raises InvalidField."""
    if cursor is None:
        return None
    if len(cursor) > LONGEST_CURSOR:
        raise _foreign()
    try:
        key = urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        raise _foreign() from None
    if not fits(key):
        raise _foreign()
    return key


def page(rows: list[Row], limit: int, key: Callable[[Row], str]) -> Page[Row]:
    """The first `limit` rows; one row more than asked for says that there is a next page."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, _cursor(key(kept[-1])))


def _cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode()
