"""The calls that Litestar does not route: intake, plain ASGI (`api/intake.py`)."""

from __future__ import annotations

from typing import Annotated

from outrider.api.intake import EVENTS, OPERATIONS
from outrider.api.models.intake import AcceptedList
from outrider.api.openapi.call import PREVENTION, Call
from outrider.api.refusals import EVENT_COUNT, ID_TAKEN, UNKNOWN_EVENT
from outrider.app.access import Scope
from outrider.app.fields import described
from outrider.app.reading import MOST_EVENTS, EventInput, OperationInput

CALLS = (
    Call(
        path=EVENTS,
        method="post",
        operation_id="sendEvents",
        summary="Send an event, or several that are strangers to each other",
        description="All are accepted or none. 202 means committed.",
        tag="Intake",
        status=202,
        answer=AcceptedList,
        body=EventInput
        | Annotated[list[EventInput], described("Accepted together.", minItems=1, maxItems=MOST_EVENTS)],
        scopes=(Scope.SEND,),
        parameters=PREVENTION,
        refusals=(UNKNOWN_EVENT, EVENT_COUNT, ID_TAKEN),
    ),
    Call(
        path=OPERATIONS,
        method="post",
        operation_id="sendOperation",
        summary="Send what a producer did in one transaction",
        description="Its events are judged together: an `OrgDeleted` absorbs every other event of its "
        "organization, and a bulk operation's Partner IAM events are recorded and not sent. 202 means committed.",
        tag="Intake",
        status=202,
        answer=AcceptedList,
        body=OperationInput,
        scopes=(Scope.SEND,),
        parameters=PREVENTION,
        refusals=(UNKNOWN_EVENT, EVENT_COUNT, ID_TAKEN),
    ),
)
