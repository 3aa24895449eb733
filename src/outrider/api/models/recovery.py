"""Recovery jobs, and what they would send."""

from __future__ import annotations

from typing import Annotated

import msgspec

from outrider.api.models.common import Date, Next
from outrider.api.models.history import Event
from outrider.app import fields
from outrider.app.fields import described
from outrider.domain.job import JobKind, JobState


class Job(msgspec.Struct, frozen=True):
    """A recovery job. Its deliveries carry its id in `Origin`."""

    Id: Annotated[str, described("The id of a job.", format="uuid")]
    Kind: JobKind
    State: JobState
    Reason: Annotated[str | None, described("Why it ended early.")]
    WebhookId: fields.WebhookId
    Since: Date | None
    Until: Date | None
    Events: Annotated[list[fields.CanonicalName] | None, described("Event types; null for all.")]
    Subject: str | None
    Filter: Annotated[msgspec.Raw | None, described("The filter that holds.", type=["object", "null"])]
    Progress: Annotated[float, described("How much of its stretch of the past it has seen.", minimum=0, maximum=1)]
    Made: Annotated[int, described("Deliveries made.", minimum=0)]
    CreatedDate: Date
    EndedDate: Date | None


class JobPage(msgspec.Struct, frozen=True):
    """Jobs, the newest first."""

    Data: list[Job]
    Next: Next


class Preview(msgspec.Struct, frozen=True):
    """What a selection of past events comes to."""

    Scanned: Annotated[int, described("Events looked at.", minimum=0)]
    Matched: Annotated[int, described("Events that passed the filter.", minimum=0)]
    Complete: Annotated[bool, described("False when there was more than ten seconds were enough for.")]
    Examples: Annotated[list[Event], described("The oldest that passed, at most five.", maxItems=5)]
