"""Recovery jobs: sending again, or sending late, what a selection of the past holds."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class JobKind(StrEnum):
    RETRY_FAILED = "retry_failed"  # deliveries of the webhook that are exhausted, and not delivered since
    SEND_MISSED = "send_missed"  # events the webhook wants now and never had a delivery of
    REPLAY = "replay"  # events by selection, whether sent before or not


class JobState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Selection(msgspec.Struct, frozen=True):
    """Which of the past: None means any. `since` inclusive, `until` exclusive: the instant an event was accepted,
    or a delivery was exhausted. `filter` is JSON (`domain/filters.py`). Events that were skipped are never in it.
    """

    kind: JobKind
    tenant: str
    webhook: str
    since: int | None = None
    until: int | None = None
    events: tuple[str, ...] | None = None
    subject: str | None = None
    filter: str | None = None

    @property
    def begins(self) -> int:
        """No instant of it is before this one."""
        return self.since or 0


class Job(msgspec.Struct, frozen=True):
    """A selection being worked through, oldest first, from place `start` to place `end`.

    Everything up to `place`, whose instant is `at`, has been looked at, and `made` deliveries came of it. A store
    whose places are not in the order of instants goes by `at` first; None in jobs begun before it was kept.
    """

    id: str
    selection: Selection
    start: int
    end: int
    place: int
    created: int
    made: int = 0
    state: JobState = JobState.RUNNING
    ended: int | None = None
    reason: str | None = None
    at: int | None = None

    @property
    def progress(self) -> float:
        """How much of its stretch of the past has been looked at, 0 to 1."""
        if self.end <= self.start:
            return 1.0
        return min(1.0, max(0.0, (self.place - self.start) / (self.end - self.start)))
