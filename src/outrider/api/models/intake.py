"""What intake answers once everything is committed."""

from __future__ import annotations

import msgspec

from outrider.app.accept import Accepted


class AcceptedList(msgspec.Struct, frozen=True):
    """The accepted events, in the order they were sent."""

    Data: list[Accepted]
