"""Answers of LoginRadius' legacy webhook API, in its spelling: `data` in lower case, and a count."""

from __future__ import annotations

from typing import Annotated

import msgspec

from outrider.app import fields
from outrider.app.fields import described


class Posted(msgspec.Struct, frozen=True):
    """The event type goes to the URL."""

    IsPosted: bool


class Allowed(msgspec.Struct, frozen=True):
    """These credentials may use webhooks."""

    IsAllowed: bool


class SubscribedUrl(msgspec.Struct, frozen=True):
    """One event type going to one URL."""

    TargetUrl: Annotated[str, described("As it was given.", examples=["https://crm.example.com/hooks"])]
    Event: fields.LegacyEventTypeName


class SubscribedUrlList(msgspec.Struct, frozen=True):
    """The URLs of an event type, those of the oldest webhook first."""

    data: list[SubscribedUrl]
    Count: Annotated[int, described("How many.", minimum=0)]
