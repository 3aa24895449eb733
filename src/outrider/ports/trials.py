"""One request to a receiver, made to look at the answer. Used by `app/trials.py`."""

from __future__ import annotations

from typing import Protocol

import msgspec

from outrider.domain.model import Delivery
from outrider.ports.queue import AttemptRecord


class Trial(msgspec.Struct, frozen=True):
    """What came of it; `reason` as the ledger would say it."""

    delivered: bool
    reason: str
    attempt: AttemptRecord


class Prober(Protocol):
    async def probe(self, delivery: Delivery) -> Trial:
        """Make the one request of this delivery, also for a disabled webhook; nothing is stored or retried.

        Raises LookupError when the webhook is deleted, OurError when the request cannot be signed.
        """
        ...
