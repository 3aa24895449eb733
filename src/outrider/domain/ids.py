"""Identifiers: UUID version 7 (RFC 9562) in lower-case hyphenated text, and 24-hex configuration ids."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def uuid7(now: int, random: bytes) -> str:
    """A UUIDv7 of instant `now` (ms) with 10 random bytes, so that ids made later sort later."""
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in lower-case hyphenated form."""
    return _UUID.fullmatch(text) is not None


def object_id(now: int, random: bytes) -> str:
    """24 hex digits as LoginRadius' subscription ids look: 4 bytes of seconds, 8 random bytes."""
    return f"{now // 1000 & 0xFFFF_FFFF:08x}{random[:8].hex()}"
