"""The fields of requests and answers, each described once.

The types here say what OpenAPI tells of a field, its limits included. The limits are kept where the field is used,
because there a refusal can say more than a type can.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw

from outrider import catalog
from outrider.app import options
from outrider.app.access import Scope
from outrider.app.names import MOST_NAMES, SUBJECT_LENGTH
from outrider.domain import target
from outrider.domain.clock import LONGEST_DATE
from outrider.domain.filters import MOST_CONDITIONS, MOST_INSTRUCTIONS
from outrider.domain.job import JobKind
from outrider.domain.limits import MOST_CALLS, MOST_WEBHOOKS
from outrider.domain.model import AuthType, Ordering
from outrider.domain.redaction import MASK

LONGEST_CREDENTIAL = 4096
LONGEST_USERNAME = 1024  # with a password of that length, the header is a line that usual servers take
MOST_SCOPES = 16
_SCHEMAS = "#/components/schemas/"
UID_PATTERN = "^[A-Za-z0-9_-]{1,50}$"
OBJECT_NAME_PATTERN = "^[A-Za-z0-9._-]{1,64}$"


def described(description: str, *, examples: list[Any] | None = None, **schema: Any) -> Meta:
    """The documentation of a field; `schema` are further JSON Schema keywords, which validate nothing here."""
    return Meta(description=description, examples=examples, extra_json_schema=schema or None)


Instant = Annotated[
    str,
    described(
        "An ISO 8601 date with an offset; in answers always UTC with milliseconds.",
        examples=["2026-01-31T09:30:00.000Z"],
        format="date-time",
        maxLength=LONGEST_DATE,
    ),
]
EventTypeName = Annotated[
    str, described("The name of an event type, in any case.", **{"$ref": _SCHEMAS + "EventTypeName"})
]
EventTypes = Annotated[
    list[EventTypeName], described("Several event types; one named twice counts once.", maxItems=MOST_NAMES)
]
NamedEventType = Annotated[
    str,
    described(
        "The name of an event type, in any case; empty or null names none.",
        examples=["Login"],
        enum=[*catalog.names(), ""],
    ),
]
SentEventTypeName = Annotated[
    str,
    described(
        "The name of an event type, in any case; System events are Outrider's own.",
        **{"$ref": _SCHEMAS + "SentEventTypeName"},
    ),
]
LegacyEventTypeName = Annotated[
    str,
    described(
        "The name of an event type of the legacy API, in any case.", **{"$ref": _SCHEMAS + "LegacyEventTypeName"}
    ),
]
CanonicalName = Annotated[
    str, described("The name of an event type in the catalogue's spelling.", examples=["Login"])
]
EventId = Annotated[
    str,
    described(
        "A UUID, the same at every webhook and on every attempt. Sent again with the same content it answers as "
        "before and sends nothing twice; with other content it is refused.",
        format="uuid",
        maxLength=36,
    ),
]
SentPayload = Annotated[
    Raw,
    described(
        "The payload, as the event type's schema describes it; unknown fields are kept. At most 256 KiB "
        "unless the operator sets another limit.",
        examples=[{"Uid": "u1", "FirstName": "Rosa"}],
        **{"$ref": _SCHEMAS + "Payload"},
    ),
]
Previous = Annotated[
    Raw,
    described(
        "For UpdateProfile: the profile before, at most as large as Data. The names of changed fields reach "
        "receivers as ModifiedFields.",
        type=["object", "null"],
    ),
]
Bulk = Annotated[bool, described("Partner IAM events of a bulk operation are recorded and not sent.")]
EventFilter = Annotated[
    dict[str, Any],
    described(
        "Conditions on the envelope: keys are dotted paths or operators ($eq $neq $gt $gte $lt $lte $in $nin "
        "$exist $startsWith $endsWith $contains $regex $and $or $not), all of which must hold. At most "
        f"{options.LARGEST_FILTER} bytes, {MOST_CONDITIONS} conditions, and patterns of {MOST_INSTRUCTIONS} RE2 "
        "instructions together.",
        examples=[{"ModifiedFields": {"$in": ["Email", "PhoneId"]}}],
        minProperties=1,
    ),
]
WebhookId = Annotated[str, described("The id of a webhook.", examples=["6a12f0b04c1d9e7f3a5b8c20"], maxLength=24)]
WebhookName = Annotated[
    str,
    described(
        "Unique in the tenant in any case, or empty.",
        examples=["crm"],
        maxLength=128,
        pattern=r"^[^\x00-\x1f\x7f]*$",
    ),
]
TargetUrl = Annotated[
    str,
    described(
        "Where deliveries go: https, without user info or fragment. An address as host has to be one that Outrider "
        "may call: a public one, or one that its operator opened.",
        examples=["https://crm.example.com/hooks"],
        format="uri",
        maxLength=2048,
        pattern="^[Hh][Tt][Tt][Pp][Ss]://",
    ),
]
SecretReference = Annotated[
    str,
    described(
        "The secret that signs; empty, null or None for the tenant's API secret.", examples=["crm"], maxLength=64
    ),
]
AddedHeaders = Annotated[
    dict[str, Annotated[str, described("Visible ASCII.", maxLength=target.LONGEST_VALUE)]],
    described(
        "Headers added to every request. Names that would break the request or forge ours are refused. Values are "
        f"sealed and come back as {MASK}, but for those of harmless names and of PlainHeaders. In all at most "
        f"{target.LARGEST_HEADERS} bytes.",
        maxProperties=target.MOST_HEADERS,
        propertyNames={"minLength": 1, "maxLength": target.LONGEST_NAME},
    ),
]
AddedQuery = Annotated[
    dict[
        str,
        Annotated[
            str, described("Of any characters but NUL.", pattern=r"^[^\x00]*$", maxLength=target.LONGEST_PARAM)
        ],
    ],
    described(
        "Query parameters added to the URL of every request, which with them has at most "
        f"{target.LONGEST_REQUEST_URL} characters. Values are sealed and come back as {MASK}, but for those of "
        "harmless names and of PlainQueryParams.",
        maxProperties=target.MOST_PARAMS,
        propertyNames={"minLength": 1, "maxLength": target.LONGEST_NAME, "pattern": r"^[^\x00]*$"},
    ),
]
PlainHeaders = Annotated[
    list[Annotated[str, described("A header's name, in any case.", minLength=1, maxLength=target.LONGEST_NAME)]],
    described(
        "Names of headers whose values are no secrets and are shown, also in attempts. To mark a name whose value "
        "is stored, give the value again.",
        examples=[["X-Team"]],
        maxItems=target.MOST_HEADERS,
    ),
]
PlainParams = Annotated[
    list[Annotated[str, described("A parameter's name, in any case.", minLength=1, maxLength=target.LONGEST_NAME)]],
    described(
        "Names of query parameters whose values are no secrets and are shown where webhooks are managed. To mark a "
        "name whose value is stored, give the value again.",
        examples=[["team"]],
        maxItems=target.MOST_PARAMS,
    ),
]
Enabled = Annotated[bool, described("False keeps what the webhook is owed; true sends it.")]
Timeout = Annotated[
    float, described("Seconds for one attempt, from the DNS query to the last byte.", minimum=1, maximum=30)
]
ScheduleName = Annotated[str, described("A schedule by name.", enum=["default", "svix"])]
Waits = Annotated[
    list[Annotated[float, described("Seconds.", minimum=options.LEAST_WAIT_S, maximum=options.LONGEST_WAIT_S)]],
    described("The waits between attempts; there is one attempt more than waits.", maxItems=options.MOST_WAITS),
]
MaxConcurrency = Annotated[int, described("Attempts at a time.", minimum=1, maximum=options.MOST_CONCURRENCY)]
RateLimit = Annotated[
    float,
    described("Attempts per second.", minimum=options.LEAST_PER_SECOND, maximum=options.MOST_PER_SECOND),
]
OrderingName = Annotated[
    str,
    described(
        "Which deliveries wait for the one before them: none, those about the same subject, or all (strict).",
        enum=list(Ordering),
    ),
]
AuthTypeName = Annotated[
    str, described("How a request authenticates to the receiver.", enum=["None", "", *AuthType])
]
Username = Annotated[
    str,
    described(
        "Visible ASCII without a colon (RFC 7617). Basic needs one.",
        examples=["outrider"],
        pattern=r"^[\x20-\x39\x3b-\x7e]*$",
        maxLength=LONGEST_USERNAME,
    ),
]
Credential = Annotated[
    str,
    described(
        "Visible ASCII. Comes back empty; sent back empty it is kept.",
        examples=["kept-in-a-vault"],
        pattern=r"^[\x20-\x7e]*$",
        maxLength=LONGEST_CREDENTIAL,
    ),
]
ReadOnly = Annotated[
    Any,
    described(
        "Read only: taken and not applied, so that an object as it was read can be sent back.", readOnly=True
    ),
]
SecretName = Annotated[
    str,
    described(
        "1 to 64 letters, digits, dots, hyphens, underscores or spaces; not None.",
        examples=["crm"],
        maxLength=64,
        pattern=r"^(?![Nn][Oo][Nn][Ee]$)[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$",
    ),
]
SecretValue = Annotated[
    str,
    described(
        "16 to 512 visible ASCII characters; after whsec_, 24 to 64 bytes in base64. Made when absent.",
        maxLength=512,
        pattern=r"^(?!whsec_)[\x21-\x7e]{16,512}$|^whsec_[A-Za-z0-9+/]{32,86}={0,2}$",
    ),
]
OverlapHours = Annotated[
    int, described("How long the version before signs along, in hours.", minimum=0, maximum=168)
]
KeyName = Annotated[
    str,
    described(
        "What the key is for.",
        examples=["crm import"],
        minLength=1,
        maxLength=64,
        pattern=r"^(?=.*\S)[^\x00-\x1f\x7f]*$",
    ),
]
Scopes = Annotated[
    list[Annotated[str, described("What the key may do.", enum=list(Scope))]],
    described("What a bearer key may do.", examples=[["manage:read"]], minItems=1, maxItems=MOST_SCOPES),
]
JobKindName = Annotated[
    str,
    described(
        "retry_failed: exhausted since, and not delivered afterwards. send_missed: events the webhook wants now "
        "and never had. replay: events by selection, sent before or not.",
        enum=list(JobKind),
    ),
]
Since = Annotated[
    str,
    described(
        "From this instant on.", examples=["2026-01-31T00:00:00Z"], format="date-time", maxLength=LONGEST_DATE
    ),
]
Until = Annotated[
    str,
    described(
        "Before this instant.", examples=["2026-02-01T00:00:00Z"], format="date-time", maxLength=LONGEST_DATE
    ),
]
Subject = Annotated[
    str,
    described(
        "Whom the event is about: a Uid, an OrgId.",
        examples=["u1"],
        minLength=1,
        maxLength=SUBJECT_LENGTH,
        pattern=r"^[^\x00]*$",
    ),
]
AnySubject = Annotated[
    str,
    described(
        "Whom events are about; all when empty.", examples=["u1"], maxLength=SUBJECT_LENGTH, pattern=r"^[^\x00]*$"
    ),
]
DryRun = Annotated[bool, described("Look at what the job would send; send nothing.")]
Payload = Annotated[
    dict[str, Any],
    described("The payload, at most 256 KiB; the sample of the event type when absent.", examples=[{"Uid": "u1"}]),
]
WebhooksPerEvent = Annotated[
    int, described("Most webhooks for one event type; LoginRadius has 5.", minimum=1, maximum=MOST_WEBHOOKS)
]
UniqueTargetUrl = Annotated[bool, described("Whether an event type goes to a URL once only; so at LoginRadius.")]
LoginRadiusNames = Annotated[
    bool, described("Whether names of webhooks are required and follow LoginRadius' rules.")
]
CallsPerSecond = Annotated[
    float,
    described(
        "Most management calls per second and process; null for no limit; LoginRadius has 50.",
        minimum=1,
        maximum=MOST_CALLS,
    ),
]
RecordId = Annotated[str, described("The id of a record.", examples=["65f1b0c4a9d3e27f5c8b1a60"])]
Uid = Annotated[
    str, described("The user, in this case.", examples=["0b9fa1d2c57e4c0e8a86c1d1f0a7b3e4"], pattern=UID_PATTERN)
]
ObjectContent = Annotated[
    Raw,
    described(
        "The record's content, as it was given.",
        examples=[{"Orders": [{"Number": "2026-0042", "Total": 129.9}]}],
        type="object",
    ),
]
