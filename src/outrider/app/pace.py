"""How often a tenant may call the management API: a token bucket for each tenant, in this process."""

from __future__ import annotations

import math
from collections.abc import Callable

from outrider.app.books import Books
from outrider.domain.errors import TooManyCalls
from outrider.domain.pacing import TokenBucket


class Pace:
    """`time` is a monotonic clock in seconds."""

    def __init__(self, books: Books, time: Callable[[], float]) -> None:
        self._books = books
        self._time = time
        self._buckets: dict[str, TokenBucket] = {}

    def take(self, tenant: str) -> None:
        """Count one call; raises TooManyCalls above the tenant's `calls_per_second`, one second's worth at once."""
        rate = self._books.of(tenant).tenant.settings.calls_per_second
        if rate is None:
            self._buckets.pop(tenant, None)
            return
        now = self._time()
        bucket = self._buckets.get(tenant)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[tenant] = TokenBucket(rate, max(1.0, rate), now)
        if (wait := bucket.wait(now)) > 0:
            raise TooManyCalls(rate, math.ceil(wait))
        bucket.take()
