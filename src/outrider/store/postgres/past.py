"""The past that recovery jobs draw on, in stretches.

Each statement is a transaction of its own and looks at so many days at most (`spans.py`), so that a job over years
holds no more locks than a page of a list. What waits is asked for before what ended: what ends in between is seen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from outrider.domain.clock import DAY
from outrider.domain.job import JobKind, Selection
from outrider.domain.model import Event
from outrider.ports.jobs import Stretch
from outrider.store.postgres.connections import Connections
from outrider.store.postgres.days import Days
from outrider.store.postgres.spans import (
    CLOCK_SLACK,
    MOST,
    PAST_EVERY_INSTANT,
    first_id,
    first_place,
    place_instant,
    spans,
)
from outrider.store.queries import load

SQL = load("outrider.store.postgres", "past.sql")
LOOKED_AT = 1_000  # events in one stretch
FOUND = 200  # of them, and lines
_DAYS_AT_ONCE = 8 * DAY


class Past:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._days = Days(connections)

    async def bounds(self, selection: Selection) -> tuple[int, int]:
        """Places are given out before their commit: what is being committed meanwhile may be in it or not."""
        if selection.kind is JobKind.RETRY_FAILED:
            return 0, (await self._fetch("last_line"))[0][0]
        until = PAST_EVERY_INSTANT if selection.until is None else selection.until
        parts = [part for part in await self._parts(selection.since) if part[0] < until]
        last = await self._event("last_event", selection.tenant, until, parts)
        first = await self._event("first_event", selection.tenant, until, parts[::-1])
        return (0, 0) if first is None or last is None else (first - 1, last)

    async def stretch(self, selection: Selection, place: int, end: int) -> Stretch:
        if selection.kind is JobKind.RETRY_FAILED:
            return await self._failed(selection, place, end)
        return await self._accepted(selection, place, end)

    async def _accepted(self, selection: Selection, place: int, end: int) -> Stretch:
        """Events as they were accepted, and for SEND_MISSED only those the webhook never had."""
        tenant, upto = selection.tenant, min(end, place + first_place(_DAYS_AT_ONCE))
        rows = await self._fetch(
            "events",
            *(tenant, place, upto, LOOKED_AT, _types(selection), selection.subject, CLOCK_SLACK, FOUND),
            first_id(place_instant(place) - CLOCK_SLACK),
            first_id(place_instant(upto) + CLOCK_SLACK),
        )
        events = [Event(*tuple(row)[1:]) for row in rows]
        if len(rows) == FOUND:
            reached = rows[-1][0]
        else:
            beyond = await self._fetch("event_reached", tenant, place, upto, LOOKED_AT - 1)
            reached = beyond[0][0] if beyond else upto
        if selection.kind is JobKind.SEND_MISSED and events:
            ids = [event.id for event in events]
            had = await self._waiting(selection, ids)
            had |= set(await self._known(selection, ids, min(event.accepted for event in events)))
            events = [event for event in events if event.id not in had]
        return Stretch(tuple(events), reached, done=reached >= end)

    async def _failed(self, selection: Selection, place: int, end: int) -> Stretch:
        """Events of exhausted lines: of each the last time only, and not when it arrived since or is on its way."""
        lines = await self._exhausted(selection, place, end)
        reached = end if len(lines) < FOUND else lines[-1]["place"]
        wanted = {line["event"]: line["place"] for line in lines if _is_chosen(selection, line)}
        for event in await self._waiting(selection, list(wanted)):
            del wanted[event]
        places = dict(await self._fetch("event_places", selection.tenant, list(wanted)) if wanted else [])
        if places:
            known = await self._known(selection, list(places), place_instant(min(places.values())))
            places = {event: found for event, found in places.items() if known.get(event) == wanted[event]}
        events = await self._events_at(selection.tenant, list(places.values()))
        return Stretch(events, reached, done=reached >= end)

    async def _exhausted(self, selection: Selection, place: int, end: int) -> list[Any]:
        """The next lines after `place`, from whichever day."""
        until = PAST_EVERY_INSTANT if selection.until is None else selection.until + CLOCK_SLACK
        found: list[Any] = []
        for bottom, top in await self._parts(None):
            if bottom < until:
                ids = first_id(bottom), first_id(min(top, until))
                bindings = (selection.tenant, selection.webhook, place, end, *ids, FOUND)
                found += await self._fetch("exhausted", *bindings)
        return sorted(found, key=lambda line: line["place"])[:FOUND]

    async def _waiting(self, selection: Selection, events: Sequence[str]) -> set[str]:
        """Those of the events that the webhook is owed."""
        if not events:
            return set()
        rows = await self._fetch("waiting_events", selection.tenant, events, selection.webhook)
        return {row[0] for row in rows}

    async def _known(self, selection: Selection, events: Sequence[str], since: int) -> dict[str, int]:
        """Those of the events the ledger knows a delivery of to the webhook, and where its last ending stands.

        `since`: when the first of them was accepted.
        """
        found: dict[str, int] = {}
        for bottom, top in await self._parts(since - CLOCK_SLACK):
            ids = first_id(bottom), first_id(top)
            for event, place in await self._fetch(
                "known_events", selection.tenant, events, selection.webhook, *ids
            ):
                found[event] = max(found.get(event, 0), place or 0)
        return found

    async def _events_at(self, tenant: str, places: list[int]) -> tuple[Event, ...]:
        """In the order of `places`."""
        if not places:
            return ()
        rows = await self._fetch("events_at", tenant, places, min(places), max(places))
        by_place = {row[0]: Event(*tuple(row)[1:]) for row in rows}
        return tuple(by_place[place] for place in places if place in by_place)

    async def _event(self, name: str, tenant: str, until: int, parts: list[tuple[int, int]]) -> int | None:
        """The first place that is found."""
        for bottom, top in parts:
            rows = await self._fetch(name, tenant, first_place(bottom), first_place(min(top, until)))
            if rows:
                return int(rows[0][0])
        return None

    async def _parts(self, since: int | None) -> list[tuple[int, int]]:
        now = time.time_ns() // 1_000_000  # says where to look, and leaves nothing out
        return list(spans(now, since, await self._days.oldest(), first=MOST))

    async def _fetch(self, name: str, *bindings: Any) -> list[Any]:
        return list(await self._connections.run(lambda connection: connection.fetch(SQL[name], *bindings)))


def _types(selection: Selection) -> list[str] | None:
    return None if selection.events is None else list(selection.events)


def _is_chosen(selection: Selection, line: Any) -> bool:
    return (
        (selection.since is None or line["at"] >= selection.since)
        and (selection.until is None or line["at"] < selection.until)
        and (selection.events is None or line["type"] in selection.events)
        and (selection.subject is None or line["subject"] == selection.subject)
    )
