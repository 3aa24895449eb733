"""Parameters of paths and queries, described once for all routes that take them."""

from __future__ import annotations

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from outrider.api.models.history import STATES
from outrider.app.fields import OBJECT_NAME_PATTERN, UID_PATTERN
from outrider.app.names import SUBJECT_LENGTH
from outrider.app.paging import LARGEST_PAGE, LONGEST_CURSOR
from outrider.domain.clock import LONGEST_DATE
from outrider.domain.object_content import UpdateType

PAGE = 50
_LONGEST_ID = 64
_INSTANT = {"format": "date-time", "examples": ["2026-01-31T00:00:00Z"], "maxLength": LONGEST_DATE}
_ID = {"maxLength": _LONGEST_ID}  # nothing has a longer one, so none is found
_EVENT_TYPE = {"$ref": "#/components/schemas/EventTypeName"}

WebhookId = Annotated[str, PathParameter(description="The id of a webhook.", schema_extra=_ID)]
EventId = Annotated[str, PathParameter(description="The id of an event.", schema_extra=_ID)]
DeliveryId = Annotated[str, PathParameter(description="The id of a delivery.", schema_extra=_ID)]
JobId = Annotated[str, PathParameter(description="The id of a job.", schema_extra=_ID)]
KeyId = Annotated[str, PathParameter(description="The id of a key.", schema_extra=_ID)]
SecretName = Annotated[str, PathParameter(description="The name of a secret, in any case.", schema_extra=_ID)]
EventTypeName = Annotated[
    str, PathParameter(description="The name of an event type, in any case.", schema_extra=_EVENT_TYPE)
]
Uid = Annotated[
    str,
    PathParameter(
        description="The user; Uids keep their case.",
        schema_extra={"maxLength": 50, "pattern": UID_PATTERN, "examples": ["0b9fa1d2c57e4c0e8a86c1d1f0a7b3e4"]},
    ),
]
RecordId = Annotated[str, PathParameter(description="The id of a record.", schema_extra=_ID)]

ObjectName = Annotated[
    str | None,
    QueryParameter(
        name="objectname",
        description="The custom object, in any case.",
        schema_extra={"maxLength": 64, "pattern": OBJECT_NAME_PATTERN, "examples": ["orders"]},
    ),
]
ContentUpdate = Annotated[
    str | None,
    QueryParameter(
        name="updatetype",
        description="Whether the body replaces the content, or the fields it names; `default` is the latter.",
        schema_extra={"enum": list(UpdateType), "default": UpdateType.DEFAULT},
    ),
]
OfLegacyEventType = Annotated[
    str | None,
    QueryParameter(
        name="event",
        description="An event type of the legacy API, in any case.",
        schema_extra={"$ref": "#/components/schemas/LegacyEventTypeName"},
    ),
]
OfEventType = Annotated[
    str | None, QueryParameter(name="event", description="An event type, in any case.", schema_extra=_EVENT_TYPE)
]
OfEvent = Annotated[
    str | None,
    QueryParameter(name="eventid", description="The id of an event.", max_length=_LONGEST_ID, schema_extra=_ID),
]
OfSubject = Annotated[
    str | None,
    QueryParameter(
        name="subject",
        description="Whom events are about.",
        max_length=SUBJECT_LENGTH,
        schema_extra={"maxLength": SUBJECT_LENGTH},
    ),
]
OfWebhook = Annotated[
    str | None,
    QueryParameter(name="webhook", description="The id of a webhook.", max_length=_LONGEST_ID, schema_extra=_ID),
]
OfState = Annotated[
    str | None,
    QueryParameter(name="state", description="Waiting, or how it ended.", schema_extra={"enum": [*STATES]}),
]
Since = Annotated[
    str | None,
    QueryParameter(name="since", description="From this instant on, ISO 8601 with offset.", schema_extra=_INSTANT),
]
Until = Annotated[
    str | None,
    QueryParameter(name="until", description="Before this instant, ISO 8601 with offset.", schema_extra=_INSTANT),
]
Cursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor", description="The `Next` of the page before.", schema_extra={"maxLength": LONGEST_CURSOR}
    ),
]
Limit = Annotated[
    int,
    QueryParameter(
        name="limit",
        description="Most rows of a page.",
        schema_extra={"minimum": 1, "maximum": LARGEST_PAGE},
    ),
]
