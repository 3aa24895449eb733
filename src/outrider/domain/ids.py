"""Identifiers: UUID version 7 (RFC 9562) in lower-case hyphenated text, and 24-hex configuration ids."""

from __future__ import annotations

import re
from collections.abc import Callable

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_RANDOM_BITS = 74
_RANDOM = (1 << _RANDOM_BITS) - 1
_LOW_62 = (1 << 62) - 1
_MILLISECONDS = (1 << 48) - 1


def uuid7(now: int, random: bytes) -> str:
    """A UUIDv7 of instant `now` (ms) with 10 random bytes."""
    return _text((now & _MILLISECONDS) << _RANDOM_BITS | int.from_bytes(random[:10], "big") & _RANDOM)


class Ids:
    """Makes UUIDv7s, each one greater than the one before, also when the clock is set back.

    Within a millisecond the random part grows by random steps (RFC 9562, section 6.2, method 2).
    """

    def __init__(self, now: Callable[[], int], random: Callable[[int], bytes]) -> None:
        self._now = now
        self._random = random
        self._last = 0

    def new(self) -> str:
        fresh = (self._now() & _MILLISECONDS) << _RANDOM_BITS
        if fresh > self._last:
            self._last = fresh | int.from_bytes(self._random(10), "big") & _RANDOM
        else:
            self._last += 1 + int.from_bytes(self._random(4), "big")
        return _text(self._last)

    def after(self, identity: str) -> None:
        """Make only ids greater than this UUIDv7 from now on."""
        value = int(identity.replace("-", ""), 16)
        self._last = max(self._last, (value >> 80) + 1 << _RANDOM_BITS)


def _text(sortable: int) -> str:
    """48 bits of milliseconds and 74 random bits, laid out with version 7 and the RFC's variant."""
    value = sortable >> 74 << 80 | 0x7 << 76 | (sortable >> 62 & 0xFFF) << 64 | 0x2 << 62 | sortable & _LOW_62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def first_id(at: int) -> str:
    """What every UUIDv7 made at `at` (ms) or later is greater than, and no earlier one."""
    digits = f"{max(at, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in lower-case hyphenated form."""
    return _UUID.fullmatch(text) is not None


def object_id(now: int, random: bytes) -> str:
    """24 hex digits as LoginRadius' subscription ids look: 4 bytes of seconds, 8 random bytes."""
    return f"{now // 1000 & 0xFFFF_FFFF:08x}{random[:8].hex()}"


def is_object_id(text: str) -> bool:
    """Whether `text` is a 24-hex id in lower case."""
    return _OBJECT_ID.fullmatch(text) is not None
