"""Secrets, bearer keys, and the catalogue."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from outrider.api.models.common import Date
from outrider.app import fields
from outrider.app.fields import described
from outrider.catalog import Family


class SecretVersion(msgspec.Struct, frozen=True):
    """One value of a secret, itself never shown."""

    Version: Annotated[int, described("The first is 1.", minimum=1)]
    CreatedDate: Date
    ValidUntil: Annotated[Date | None, described("Null for the current version.")]


class Secret(msgspec.Struct, frozen=True):
    """A named signing secret."""

    Name: str
    CreatedDate: Date
    Versions: Annotated[list[SecretVersion], described("The newest first.", minItems=1)]


class ShownSecret(Secret, frozen=True):
    """A secret with its value, in the one answer that shows it."""

    Value: str
    StandardWebhooksValue: Annotated[
        str, described("The form a Standard Webhooks library takes.", pattern="^whsec_")
    ]


class SecretList(msgspec.Struct, frozen=True):
    """Every secret of the tenant, by name."""

    Data: list[Secret]


class Key(msgspec.Struct, frozen=True):
    """A scoped bearer key."""

    Id: Annotated[str, described("The id of a key.", examples=["6a12f0b04c1d9e7f3a5b8c21"])]
    Name: str
    Scopes: fields.Scopes
    CreatedDate: Date
    Expires: Annotated[Date | None, described("Null for never.")]


class ShownKey(Key, frozen=True):
    """A key with its token, in the one answer that shows it."""

    Token: Annotated[str, described("Send it as `Authorization: Bearer`.", pattern="^ork_")]


class KeyList(msgspec.Struct, frozen=True):
    """Every key of the tenant, oldest first."""

    Data: list[Key]


class EventType(msgspec.Struct, frozen=True):
    """An entry of the catalogue."""

    Name: fields.CanonicalName
    Family: Family
    Description: str


class EventTypeDetail(EventType, frozen=True):
    """An entry of the catalogue with what its payload looks like."""

    Schema: Annotated[dict[str, Any], described("JSON Schema 2020-12 of the payload.")]
    Sample: Annotated[dict[str, Any], described("A realistic payload: the first of Samples.")]
    Samples: Annotated[dict[str, dict[str, Any]], described("Realistic payloads by variant.")]


class EventTypeList(msgspec.Struct, frozen=True):
    """Every event type: CIAM, Partner IAM, System."""

    Data: list[EventType]
