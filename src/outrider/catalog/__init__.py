"""The event types. Names match case-insensitively in and come out in their canonical spelling.

Sources: LoginRadius' events API for the 31 CIAM names, the webhook page for the 13 Partner IAM names (with
its spellings `OrgConnectionUpdate` and `OrgMembershipUpdate`), and our own System family.
"""

from __future__ import annotations

from outrider.catalog.ciam import CIAM
from outrider.catalog.event_type import EventType, Family
from outrider.catalog.operator import SYSTEM
from outrider.catalog.partner_iam import PARTNER_IAM

__all__ = ["EventType", "Family", "all_types", "find", "names"]

_ALL = (*CIAM, *PARTNER_IAM, *SYSTEM)
_BY_NAME = {kind.name.lower(): kind for kind in _ALL}


def find(name: str) -> EventType | None:
    """The type of this name, in any case."""
    return _BY_NAME.get(name.lower())


def all_types() -> tuple[EventType, ...]:
    """Every type: CIAM, Partner IAM, System."""
    return _ALL


def names(*families: Family) -> list[str]:
    """Canonical names in the catalogue's order; of all families when none is given."""
    return [kind.name for kind in _ALL if not families or kind.family in families]
