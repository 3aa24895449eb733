"""The rules that judge the events of one operation together.

Sources: the webhook page, "Supported Events for Partner IAM" (deletion of an organization, bulk changes),
and LoginRadius' `X-PreventWebhook`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from outrider.domain.model import Skip, SkipReason

DELETION = "OrgDeleted"


class Happening(msgspec.Struct, frozen=True, gc=False):
    """What the rules need to know of an event. `organization` is None where it is not known."""

    id: str
    type: str
    partner_iam: bool
    organization: str | None


def skips(happenings: Sequence[Happening], *, bulk: bool, prevented: bool) -> dict[str, Skip]:
    """The events that go to nobody, by id. Prevention comes first, then bulk, then absorption."""
    if prevented:
        return {h.id: prevented_skip(h.id) for h in happenings}
    found: dict[str, Skip] = {}
    deleted = {h.organization: h.id for h in happenings if h.type == DELETION}
    for h in happenings:
        if bulk and h.partner_iam:
            found[h.id] = Skip(h.id, SkipReason.BULK, "Partner IAM events of a bulk operation are not sent")
        elif h.type != DELETION and (organization := _deleted_organization(h, deleted)):
            found[h.id] = Skip(
                h.id, SkipReason.ABSORBED, f"organization {organization} was deleted in the same operation"
            )
    return found


def prevented_skip(event: str) -> Skip:
    """For every event that a call with `X-PreventWebhook` raises."""
    return Skip(event, SkipReason.PREVENTED, "the producer asked for no delivery")


def _deleted_organization(happening: Happening, deleted: dict[str | None, str]) -> str | None:
    """The deleted organization this event belonged to.

    A connection's documented payload does not name its organization; when the operation deletes exactly
    one, the connection was that one's.
    """
    if not happening.partner_iam:
        return None
    if happening.organization in deleted:
        return happening.organization
    if happening.organization is None and len(deleted) == 1:
        return next(iter(deleted))
    return None
