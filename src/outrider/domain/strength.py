"""How hard a secret that a person chose is to guess."""

from __future__ import annotations

import math
import string

ENOUGH_BITS = 80.0  # NIST SP 800-131A asks for 112 of keys; below 80 a secret is within reach of an offline search
FEWEST_CHARACTERS = 5  # different ones
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_CHOSEN = (
    "secret",
    "password",
    "test",
    "demo",
    "example",
    "changeme",
    "admin",
    "outrider",
    "apikey",
    "qwerty",
    "1234",
)


def bits(secret: str) -> float:
    """An upper estimate of a secret's strength in bits: that of random text of its length and kinds of characters.

    Words that people choose count for nothing, and neither do characters that repeat the one before.
    """
    rest = secret.lower()
    for word in _CHOSEN:
        rest = rest.replace(word, "")
    length = sum(1 for before, here in zip(" " + rest, rest, strict=False) if before != here)
    alphabet = sum(len(kind) for kind in _CLASSES if any(c in kind for c in secret))
    alphabet += sum(1 for c in set(secret) if c not in string.ascii_letters + string.digits)
    if set(rest) <= set(string.hexdigits):
        alphabet = min(alphabet, 16)
    return length * math.log2(max(2, alphabet))


def trivial(secret: str) -> bool:
    """Whether it is made of hardly any different characters."""
    return len(set(secret)) < FEWEST_CHARACTERS
