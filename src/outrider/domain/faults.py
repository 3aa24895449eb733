"""When a fault of ours is particular to one delivery, pure. Instants in milliseconds of steady time.

A delivery that fails inside Outrider again and again would be tried for ever. It is quarantined once it is plain
that the fault lies with it and not with the process: TIMES failures over at least OVER, while another delivery got
through to its receiver, or while no other one fails. What makes everything fail quarantines nothing
(docs/adr/0033).
"""

from __future__ import annotations

import msgspec

from outrider.domain.clock import MINUTE

TIMES = 5
OVER = 2 * MINUTE
KEPT = 10 * MINUTE  # after its last failure a delivery says nothing about the process any more
MOST = 10_000  # deliveries; when so many fail at once, the fault is not with one of them


class _Fault(msgspec.Struct):
    since: int
    last: int
    count: int = 0


class Faults:
    """The deliveries that failed lately, in the memory of one process: a restart tries each TIMES again."""

    def __init__(self) -> None:
        self._failed: dict[str, _Fault] = {}  # by delivery, the one that failed last at the end
        self._through: int | None = None  # when an attempt last came to an outcome

    @property
    def any(self) -> bool:
        return bool(self._failed)

    def through(self, delivery: str, now: int) -> None:
        """An attempt came to an outcome, whatever that was. Only needed while there are `any`."""
        self._through = now
        self._failed.pop(delivery, None)

    def failed(self, delivery: str, now: int) -> bool:
        """Note a failure; whether the delivery is to be quarantined. If so, it counts from nothing afterwards."""
        self._forget(now)
        if delivery not in self._failed and len(self._failed) >= MOST:
            return False
        fault = self._failed.pop(delivery, None) or _Fault(now, now)
        self._failed[delivery] = fault
        if fault.count == 0:
            fault.since = now
        fault.count, fault.last = fault.count + 1, now
        particular = (self._through or 0) > fault.since or len(self._failed) == 1
        if fault.count < TIMES or now - fault.since < OVER or not particular:
            return False
        fault.count = 0
        return True

    def _forget(self, now: int) -> None:
        while self._failed:
            delivery, oldest = next(iter(self._failed.items()))
            if now - oldest.last < KEPT:
                return
            del self._failed[delivery]
