"""The Partner IAM family: 13 events about organizations and what belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from outrider.catalog import samples
from outrider.catalog.event_type import EventType, Family
from outrider.catalog.partner import Connection, Invitation, Membership, Organization, Role

_TABLE: tuple[tuple[str, str, Any], ...] = (
    ("OrgCreated", "An organization was created.", Organization),
    ("OrgUpdated", "An organization was updated.", Organization),
    ("OrgDeleted", "An organization was deleted with all that belonged to it.", Organization),
    ("OrgRoleCreated", "A role of an organization was created.", Role),
    ("OrgRoleUpdated", "A role of an organization was updated.", Role),
    ("OrgRoleDeleted", "A role of an organization was deleted.", Role),
    ("OrgConnectionCreated", "A connection of an organization was created.", Connection),
    ("OrgConnectionUpdate", "A connection of an organization was updated.", Connection),
    ("OrgConnectionDeleted", "A connection of an organization was deleted.", Connection),
    ("OrgMembershipCreated", "A user became a member of an organization.", Membership),
    ("OrgMembershipUpdate", "A membership of an organization was updated.", Membership),
    ("OrgMembershipDeleted", "A user ceased to be a member of an organization.", Membership),
    ("InvitationCreated", "Somebody was invited into an organization.", Invitation),
)


def _own_id(payload: Any) -> str | None:
    return payload.Id or None


def _org_id(payload: Any) -> str | None:
    return payload.OrgId or None


def _event_type(name: str, description: str, payload: Any) -> EventType:
    organization: Callable[[Any], str | None] = _own_id if payload is Organization else _org_id
    return EventType(
        name,
        Family.PARTNER_IAM,
        description,
        payload,
        samples.partner,
        subject_of=organization,
        organization_of=organization,
    )


PARTNER_IAM = tuple(_event_type(*row) for row in _TABLE)
