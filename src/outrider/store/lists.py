"""What the ledgers of both stores share: which statement reads a list, and how steady time is shown.

For all that may be asked for together there is an index (docs/adr/0016).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from outrider.domain.breaker import Health
from outrider.domain.delivery import NEVER, Line
from outrider.ports.clock import Clock, moment
from outrider.ports.ledger import DeliveryQuery, DeliveryRow, EventQuery

AHEAD = "ahead"  # the part of a list that is ahead of its instant; see the indexes of that name


def read_by(query: EventQuery | DeliveryQuery) -> str:
    """The fields whose index is read; "" for a list of everything. What else is asked for is compared: beside a
    subject in its index, beside an event in the few rows that it came to."""
    asked = [name for name in ("event", "subject", "webhook", "type") if getattr(query, name, None) is not None]
    if asked[:1] in (["event"], ["subject"]):
        return asked[0]
    return "_and_".join(asked)


def statement(rows: str, by: str) -> str:
    """The name of the statement for `rows`, "events", "waiting" or "ended", by what `read_by` says or AHEAD."""
    if by == AHEAD:
        return f"{rows}_ahead"
    return f"{rows}_by_{by}" if by else rows


def shown(rows: Sequence[DeliveryRow], clock: Clock) -> list[DeliveryRow]:
    """As they are stored, with due times by the wall clock; what is never due is quarantined."""
    ahead = moment(clock).ahead
    return [_shown(row, ahead) for row in rows]


def _shown(row: DeliveryRow, ahead: int) -> DeliveryRow:
    if row.due == NEVER:
        return replace(row, state=Line.QUARANTINED, due=None)
    if row.due is None or ahead == 0:
        return row
    return replace(row, due=row.due - ahead)


def shown_healths(healths: dict[str, Health], clock: Clock) -> dict[str, Health]:
    """With instants by the wall clock."""
    ahead = moment(clock).ahead
    if ahead == 0:
        return healths
    return {webhook: _at_wall(health, ahead) for webhook, health in healths.items()}


def _at_wall(health: Health, ahead: int) -> Health:
    instants = {name: getattr(health, name) for name in ("failing_since", "opened", "probe", "run_since")}
    return replace(health, **{name: None if at is None else at - ahead for name, at in instants.items()})
