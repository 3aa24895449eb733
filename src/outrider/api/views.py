"""Objects as the API shows them: PascalCase, ISO dates, nulls where LoginRadius has nulls, no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.app.explain import Explanation
from outrider.app.options import shown_schedule
from outrider.app.recovery import Preview
from outrider.app.system import Condition
from outrider.catalog import EventType
from outrider.domain.breaker import Health
from outrider.domain.clock import iso
from outrider.domain.job import Job
from outrider.domain.model import ApiKey, AuthType, Event, Secret, Webhook
from outrider.ports.ledger import DeliveryRow, LedgerLine, SkipRow
from outrider.ports.queue import AttemptRecord
from outrider.ports.trials import Trial


def webhook(w: Webhook, healths: Mapping[str, Health]) -> dict[str, Any]:
    """LoginRadius' subscription object and our fields after it. `Event` is the first of `Events`."""
    return {
        "Id": w.id,
        "TargetUrl": w.target_url,
        "Event": w.events[0],
        "CreatedDate": iso(w.created),
        "LastModifiedDate": iso(w.modified),
        "SecretName": w.secret,
        "Name": w.name,
        "IsIntegrationWebhook": False,
        "Headers": w.headers,
        "QueryParams": w.query_params,
        "Authentication": _authentication(w),
        "Events": list(w.events),
        "Enabled": w.disabled_reason is None,
        "DisabledReason": w.disabled_reason,
        "Timeout": None if w.timeout is None else w.timeout / 1000,
        "RetrySchedule": shown_schedule(w.schedule),
        "MaxConcurrency": w.max_concurrency,
        "RateLimit": w.rate_limit,
        "Ordering": w.ordering,
        "Filter": None if w.filter is None else msgspec.Raw(w.filter.encode()),
        "Circuit": _circuit(healths.get(w.id, Health())),
    }


def _circuit(h: Health) -> dict[str, Any]:
    """`FailingSince` is the first attempt without 2xx since the last one with."""
    return {
        "State": h.circuit,
        "FailingSince": None if h.failing_since is None else iso(h.failing_since),
        "OpenedDate": None if h.opened is None else iso(h.opened),
        "ProbeDate": None if h.probe is None else iso(h.probe),
    }


def _authentication(w: Webhook) -> dict[str, Any] | None:
    """Passwords and tokens come back as "", LoginRadius' way; sending "" back keeps them."""
    found = w.authentication
    if found is None:
        return None
    basic = {"Username": found.username, "Password": ""} if found.kind is AuthType.BASIC else None
    bearer = {"Token": ""} if found.kind is AuthType.BEARER else None
    return {"AuthType": found.kind, "BasicAuth": basic, "BearerToken": bearer}


def secret(s: Secret) -> dict[str, Any]:
    return {
        "Name": s.name,
        "CreatedDate": iso(s.created),
        "Versions": [
            {
                "Version": v.number,
                "CreatedDate": iso(v.created),
                "ValidUntil": None if v.valid_until is None else iso(v.valid_until),
            }
            for v in s.versions
        ],
    }


def key(k: ApiKey) -> dict[str, Any]:
    return {
        "Id": k.id,
        "Name": k.name,
        "Scopes": list(k.scopes),
        "CreatedDate": iso(k.created),
        "Expires": None if k.expires is None else iso(k.expires),
    }


def event_type(t: EventType) -> dict[str, Any]:
    return {"Name": t.name, "Family": t.family, "Description": t.description}


def event(e: Event) -> dict[str, Any]:
    """`Payload` is the envelope, byte for byte as it is sent."""
    return {
        "Id": e.id,
        "Event": e.type,
        "Subject": e.subject,
        "OperationId": e.operation,
        "Time": iso(e.time),
        "AcceptedDate": iso(e.accepted),
        "Payload": msgspec.Raw(e.body),
    }


def skip(s: SkipRow) -> dict[str, Any]:
    return {"Reason": s.reason, "Detail": s.detail, "Date": iso(s.at)}


def delivery(d: DeliveryRow) -> dict[str, Any]:
    return {
        "Id": d.id,
        "State": d.state,
        "EventId": d.event,
        "Event": d.event_type,
        "Subject": d.subject,
        "WebhookId": d.webhook,
        "WebhookName": d.webhook_name,
        "Attempts": d.attempts,
        "LastStatus": d.last_status,
        "Reason": d.reason,
        "CreatedDate": iso(d.created),
        "DueDate": None if d.due is None else iso(d.due),
        "EndedDate": None if d.ended is None else iso(d.ended),
        "Origin": d.origin,
    }


def line(entry: LedgerLine) -> dict[str, Any]:
    return {
        "Line": entry.line,
        "Date": iso(entry.at),
        "Reason": entry.reason,
        "Attempt": None if entry.attempt is None else attempt(entry.attempt),
    }


def attempt(a: AttemptRecord) -> dict[str, Any]:
    """Durations in milliseconds. `Answer` is text; bytes that are not UTF-8 show as U+FFFD."""
    timing = a.timing
    return {
        "Number": a.number,
        "Date": iso(a.started),
        "Url": a.url,
        "Status": a.status,
        "Error": a.error,
        "Detail": a.detail,
        "Duration": {
            "Dns": timing.dns_ms,
            "Connect": timing.connect_ms,
            "Tls": timing.tls_ms,
            "Wait": timing.wait_ms,
            "Read": timing.read_ms,
            "Total": timing.total_ms,
        },
        "Answer": a.answer.decode("utf-8", "replace"),
        "AnswerCut": a.answer_cut,
        "RequestHeaders": [{"Name": name, "Value": value} for name, value in a.request_headers],
    }


def trial(t: Trial) -> dict[str, Any]:
    return {"Delivered": t.delivered, "Reason": t.reason, "Attempt": attempt(t.attempt)}


def explanation(e: Explanation) -> dict[str, Any]:
    return {
        "WebhookId": e.webhook,
        "WebhookName": e.name,
        "Because": e.because,
        "Explanation": e.sentence,
        "Delivery": None if e.delivery is None else delivery(e.delivery),
    }


def preview(p: Preview) -> dict[str, Any]:
    return {
        "Scanned": p.scanned,
        "Matched": p.matched,
        "Complete": p.complete,
        "Examples": [event(e) for e in p.examples],
    }


def job(j: Job) -> dict[str, Any]:
    """`Progress` from 0 to 1; `Made` counts deliveries, which the list of deliveries names by `Origin`."""
    chosen = j.selection
    return {
        "Id": j.id,
        "Kind": chosen.kind,
        "State": j.state,
        "Reason": j.reason,
        "WebhookId": chosen.webhook,
        "Since": None if chosen.since is None else iso(chosen.since),
        "Until": None if chosen.until is None else iso(chosen.until),
        "Events": None if chosen.events is None else list(chosen.events),
        "Subject": chosen.subject,
        "Filter": None if chosen.filter is None else msgspec.Raw(chosen.filter.encode()),
        "Progress": round(j.progress, 3),
        "Made": j.made,
        "CreatedDate": iso(j.created),
        "EndedDate": None if j.ended is None else iso(j.ended),
    }


def condition(c: Condition) -> dict[str, Any]:
    """`Owed` counts deliveries that have not ended, of all tenants."""
    return {
        "Store": c.store,
        "Owed": c.owed,
        "Nodes": [
            {
                "Id": node.id,
                "Host": node.about.host,
                "ProcessId": node.about.pid,
                "Version": node.about.version,
                "Roles": list(node.about.roles),
                "StartedDate": iso(node.about.started),
                "SeenDate": iso(node.seen),
            }
            for node in c.nodes
        ],
        "Warnings": c.warnings,
    }
