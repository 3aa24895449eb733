"""Looking back: events, deliveries, their ledger and attempts, and why."""

from __future__ import annotations

from typing import Annotated

import msgspec

from outrider.api.models.common import Date, Next
from outrider.app import fields
from outrider.app.explain import Because
from outrider.app.fields import described
from outrider.domain.delivery import ENDINGS, Line
from outrider.domain.model import SkipReason

WAITING = "waiting"
STATES = (WAITING, Line.QUARANTINED, *sorted(ENDINGS))

DeliveryId = Annotated[str, described("The id of a delivery.", format="uuid")]
DeliveryState = Annotated[
    str,
    described(
        "Waiting, quarantined (Outrider fails to send it, and it waits to be sent again by hand), or how it ended.",
        enum=list(STATES),
    ),
]
Reason = Annotated[
    str | None, described("What the last attempt came to, in a word or two.", examples=["status 500", "timeout"])
]
Milliseconds = Annotated[float | None, described("Milliseconds; null where this part did not happen.", minimum=0)]


class Event(msgspec.Struct, frozen=True):
    """One thing that happened."""

    Id: fields.EventId
    Event: fields.CanonicalName
    Subject: Annotated[str | None, described("Whom it is about.")]
    OperationId: Annotated[str | None, described("The operation it came with.")]
    Time: Annotated[Date, described("When it happened.")]
    AcceptedDate: Annotated[Date, described("When Outrider accepted it.")]
    Payload: Annotated[
        msgspec.Raw,
        described("The envelope, byte for byte as it is sent.", **{"$ref": "#/components/schemas/Envelope"}),
    ]


class EventPage(msgspec.Struct, frozen=True):
    """Events, the newest first."""

    Data: list[Event]
    Next: Next


class Skip(msgspec.Struct, frozen=True):
    """Why an event went to no webhook."""

    Reason: Annotated[str, described("In a word.", enum=list(SkipReason))]
    Detail: Annotated[str, described("In a sentence.")]
    Date: Date


class Delivery(msgspec.Struct, frozen=True):
    """One event owed to one webhook."""

    Id: DeliveryId
    State: DeliveryState
    EventId: fields.EventId
    Event: fields.CanonicalName
    Subject: str | None
    WebhookId: fields.WebhookId
    WebhookName: Annotated[str, described("Outlives the webhook.")]
    Attempts: Annotated[int, described("Attempts spent.", minimum=0)]
    LastStatus: Annotated[int | None, described("The HTTP status of the last answer.")]
    Reason: Reason
    CreatedDate: Date
    DueDate: Annotated[
        Date | None, described("When the next attempt is due; null when it ended or is quarantined.")
    ]
    EndedDate: Date | None
    Origin: Annotated[str | None, described("`resend:` or `job:` and what made it; null for the event itself.")]


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, the newest first."""

    Data: list[Delivery]
    Next: Next


class EventFate(Event, frozen=True):
    """An event, and what became of it everywhere."""

    Deliveries: list[Delivery]
    Skipped: list[Skip]


class Duration(msgspec.Struct, frozen=True):
    """Where an attempt's time went."""

    Dns: Milliseconds
    Connect: Milliseconds
    Tls: Milliseconds
    Wait: Annotated[Milliseconds, described("From the request written to the first byte of the answer.")]
    Read: Annotated[Milliseconds, described("From the first to the last byte of the answer.")]
    Total: Annotated[float, described("Milliseconds.", minimum=0)]


class Header(msgspec.Struct, frozen=True):
    """A header as it was sent; credentials are masked."""

    Name: str
    Value: str


class Attempt(msgspec.Struct, frozen=True):
    """One request, and its answer."""

    Number: Annotated[int, described("The first is 1.", minimum=1)]
    Date: Date
    Url: Annotated[str, described("Without its query.")]
    Status: Annotated[int | None, described("The HTTP status of the answer.")]
    Error: Annotated[str | None, described("Why there was no answer.", examples=["timeout"])]
    Detail: Annotated[str | None, described("The same in a sentence, or why the answer's body was not kept.")]
    Duration: Duration
    Answer: Annotated[
        str, described("The beginning of the answer's body, secrets masked; bytes that are not UTF-8 as U+FFFD.")
    ]
    AnswerCut: Annotated[bool, described("Whether the body was longer.")]
    RequestHeaders: list[Header]


class LedgerLine(msgspec.Struct, frozen=True):
    """One line of the ledger."""

    Line: Annotated[str, described("What happened.", enum=list(Line))]
    Date: Date
    Reason: Reason
    Attempt: Attempt | None


class DeliveryHistory(Delivery, frozen=True):
    """A delivery with every line of the ledger about it, oldest first."""

    Lines: list[LedgerLine]


class Explanation(msgspec.Struct, frozen=True):
    """Why an event was or was not sent to a webhook, by the configuration of that time."""

    WebhookId: fields.WebhookId
    WebhookName: str
    Because: Annotated[str, described("In a word.", enum=[*Because, *SkipReason])]
    Explanation: Annotated[str, described("In a sentence.")]
    Delivery: Annotated[Delivery | None, described("The newest delivery, which it is about.")]


class ExplanationList(msgspec.Struct, frozen=True):
    """One explanation for each webhook."""

    Data: list[Explanation]
