"""`/v2/manage/events` and `/v2/manage/deliveries`: what happened to everything, newest first.

Lists are `{"Data": [...], "Next": cursor or null}`; the cursor goes back as `cursor`.
"""

from __future__ import annotations

from litestar import Router, get

from outrider.api import parameters, views
from outrider.api.models.history import (
    STATES,
    DeliveryHistory,
    DeliveryPage,
    EventFate,
    EventPage,
    ExplanationList,
)
from outrider.api.refusals import NO_DELIVERY, NO_EVENT, NO_WEBHOOK, UNKNOWN_EVENT
from outrider.app.names import event_type
from outrider.app.services import Services
from outrider.domain.clock import parse_iso
from outrider.domain.errors import InvalidField
from outrider.ports.ledger import DeliveryQuery, EventQuery


@get("/v2/manage/events", operation_id="listEvents", summary="List events", refusals=(UNKNOWN_EVENT,))
async def list_events(
    tenant: str,
    services: Services,
    event: parameters.OfEventType = None,
    subject: parameters.OfSubject = None,
    since: parameters.Since = None,
    until: parameters.Until = None,
    cursor: parameters.Cursor = None,
    limit: parameters.Limit = parameters.PAGE,
) -> EventPage:
    query = EventQuery(_type(event), subject, _instant(since, "since"), _instant(until, "until"))
    page = await services.history.events(tenant, query, cursor, limit)
    return EventPage([views.event(row.event) for row in page.rows], page.next)


@get(
    "/v2/manage/events/{event_id:str}",
    operation_id="getEvent",
    summary="Read an event and what became of it everywhere",
    refusals=(NO_EVENT,),
)
async def get_event(tenant: str, services: Services, event_id: parameters.EventId) -> EventFate:
    return views.event_fate(await services.history.event(tenant, event_id))


@get(
    "/v2/manage/events/{event_id:str}/explain",
    operation_id="explainEvent",
    summary="Say why an event was or was not sent",
    description="One explanation for every webhook there is or was when the event happened, or for the one named.",
    refusals=(NO_EVENT, NO_WEBHOOK),
)
async def explain_event(
    tenant: str, services: Services, event_id: parameters.EventId, webhook: parameters.OfWebhook = None
) -> ExplanationList:
    found = await services.explain.event(tenant, event_id, webhook)
    return ExplanationList([views.explanation(one) for one in found])


@get("/v2/manage/deliveries", operation_id="listDeliveries", summary="List deliveries", refusals=(UNKNOWN_EVENT,))
async def list_deliveries(
    tenant: str,
    services: Services,
    event: parameters.OfEventType = None,
    event_id: parameters.OfEvent = None,
    subject: parameters.OfSubject = None,
    webhook: parameters.OfWebhook = None,
    delivery_state: parameters.OfState = None,
    since: parameters.Since = None,
    until: parameters.Until = None,
    cursor: parameters.Cursor = None,
    limit: parameters.Limit = parameters.PAGE,
) -> DeliveryPage:
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
    return DeliveryPage([views.delivery(row) for row in page.rows], page.next)


@get(
    "/v2/manage/deliveries/{delivery_id:str}",
    operation_id="getDelivery",
    summary="Read a delivery with every attempt",
    refusals=(NO_DELIVERY,),
)
async def get_delivery(tenant: str, services: Services, delivery_id: parameters.DeliveryId) -> DeliveryHistory:
    row, lines = await services.history.delivery(tenant, delivery_id)
    return views.delivery_history(row, lines, services.webhooks.plain_headers(tenant, row.webhook))


def _type(name: str | None) -> str | None:
    return None if name is None else event_type(name, "event").name


def _state(text: str | None) -> str | None:
    if text is not None and text.lower() not in STATES:
        raise InvalidField("state", f"one of {', '.join(STATES)}", text[:40])
    return text.lower() if text else None


def _instant(text: str | None, field: str) -> int | None:
    return None if text is None else parse_iso(text.replace(" ", "+"), field)


router = Router(
    "/",
    route_handlers=[list_events, get_event, explain_event, list_deliveries, get_delivery],
    tags=["History"],
)
