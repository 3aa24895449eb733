"""Numbers of JSON that nobody declared a type for.

msgspec reads decimals near the ends of the range of a double in time that is quadratic in their exponent: 256 KiB
of `5e-324` keep it busy for 180 ms. Python's own conversion needs a twentieth of that.
"""

from __future__ import annotations

import math


def number(text: str) -> float:
    """A JSON number with a fraction or exponent, for msgspec's `float_hook`. Raises ValueError out of range."""
    value = float(text)
    if math.isinf(value):
        raise ValueError("Number out of range")
    return value
