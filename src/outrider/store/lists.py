"""Which statement reads a list: for all that may be asked for together there is an index (docs/adr/0016)."""

from __future__ import annotations

from outrider.ports.ledger import DeliveryQuery, EventQuery

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
