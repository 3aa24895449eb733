"""The mask, and the names whose values need none. Headers and parameters as they are shown: `domain/exposure.py`;
payloads: `domain/masking.py`; answers: `domain/echo.py`."""

from __future__ import annotations

MASK = "**********"

# Headers and query parameters whose values are no secret, whoever sets them. Nothing that identifies a caller, an
# account or a session belongs here.
PLAIN_NAMES = frozenset(
    """accept-language api-version cache-control channel content-language env environment event format lang language
    locale prefer priority region source src stage topic v version x-api-version x-application-name x-channel x-env
    x-environment x-event x-format x-lang x-language x-locale x-priority x-region x-source x-stage x-topic
    x-version""".split()
)


def folded(name: str) -> str:
    """A name as it is compared: in any case, and `_` is `-`."""
    return name.lower().replace("_", "-")
