"""`/v2/manage/events` and `/v2/manage/deliveries`: what happened to everything, newest first.

Lists are `{"Data": [...], "Next": cursor or null}`; the cursor goes back as `cursor`.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Router, get
from litestar.params import QueryParameter

from outrider.api import views
from outrider.app.names import event_type
from outrider.app.services import Services
from outrider.domain.clock import parse_iso
from outrider.domain.delivery import ENDINGS
from outrider.domain.errors import InvalidField
from outrider.ports.ledger import DeliveryQuery, EventQuery

PAGE = 50
STATES = ("waiting", *sorted(ENDINGS))
EventName = Annotated[str | None, QueryParameter(name="event", description="an event type")]


@get("/v2/manage/events")
async def list_events(
    tenant: str,
    services: Services,
    event: EventName = None,
    subject: str | None = None,
    since: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> dict[str, Any]:
    query = EventQuery(_type(event), subject, _instant(since, "since"), _instant(until, "until"))
    page = await services.history.events(tenant, query, cursor, limit)
    return {"Data": [views.event(row.event) for row in page.rows], "Next": page.next}


@get("/v2/manage/events/{event_id:str}")
async def get_event(tenant: str, services: Services, event_id: str) -> dict[str, Any]:
    fate = await services.history.event(tenant, event_id)
    return views.event(fate.row.event) | {
        "Deliveries": [views.delivery(d) for d in fate.deliveries],
        "Skipped": [views.skip(s) for s in fate.skips],
    }


@get("/v2/manage/events/{event_id:str}/explain")
async def explain_event(
    tenant: str, services: Services, event_id: str, webhook: str | None = None
) -> dict[str, Any]:
    found = await services.explain.event(tenant, event_id, webhook)
    return {"Data": [views.explanation(one) for one in found]}


@get("/v2/manage/deliveries")
async def list_deliveries(
    tenant: str,
    services: Services,
    event: EventName = None,
    event_id: Annotated[str | None, QueryParameter(name="eventid")] = None,
    subject: str | None = None,
    webhook: str | None = None,
    delivery_state: Annotated[str | None, QueryParameter(name="state")] = None,
    since: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> dict[str, Any]:
    query = DeliveryQuery(
        type=_type(event),
        subject=subject,
        webhook=webhook,
        event=event_id,
        state=_state(delivery_state),
        since=_instant(since, "since"),
        until=_instant(until, "until"),
    )
    page = await services.history.deliveries(tenant, query, cursor, limit)
    return {"Data": [views.delivery(row) for row in page.rows], "Next": page.next}


@get("/v2/manage/deliveries/{delivery_id:str}")
async def get_delivery(tenant: str, services: Services, delivery_id: str) -> dict[str, Any]:
    row, lines = await services.history.delivery(tenant, delivery_id)
    return views.delivery(row) | {"Lines": [views.line(entry) for entry in lines]}


def _type(name: str | None) -> str | None:
    return None if name is None else event_type(name, "event").name


def _state(text: str | None) -> str | None:
    if text is not None and text.lower() not in STATES:
        raise InvalidField("state", f"one of {', '.join(STATES)}", text[:40])
    return text.lower() if text else None


def _instant(text: str | None, field: str) -> int | None:
    return None if text is None else parse_iso(text.replace(" ", "+"), field)


router = Router("/", route_handlers=[list_events, get_event, explain_event, list_deliveries, get_delivery])
