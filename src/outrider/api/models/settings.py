"""The tenant's limits."""

from __future__ import annotations

import msgspec

from outrider.app import fields


class Settings(msgspec.Struct, frozen=True):
    """The limits as they are. A limit looks at what a change makes new."""

    WebhooksPerEvent: fields.WebhooksPerEvent
    UniqueTargetUrl: fields.UniqueTargetUrl
    LoginRadiusNames: fields.LoginRadiusNames
    CallsPerSecond: fields.CallsPerSecond | None
