"""The domain's nouns as the API shows them: ISO dates, nulls where LoginRadius has nulls, no secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec.structs import asdict

from outrider.api.models import configuration, history, recovery, system, webhooks
from outrider.api.models.settings import Settings
from outrider.app import explain, secrets
from outrider.app import history as past
from outrider.app import keys as bearer
from outrider.app import recovery as again
from outrider.app.options import shown_schedule
from outrider.app.system import Condition
from outrider.catalog import EventType
from outrider.domain.breaker import Health
from outrider.domain.clock import iso
from outrider.domain.exposure import mask_headers, shown_headers, shown_params
from outrider.domain.job import Job
from outrider.domain.model import ApiKey, AuthType, Event, Secret, TenantSettings, Webhook
from outrider.domain.signing import whsec
from outrider.domain.target import shown_url
from outrider.ports.ledger import DeliveryRow, LedgerLine, SkipRow
from outrider.ports.queue import AttemptRecord
from outrider.ports.trials import Trial


def _date(at: int | None) -> str | None:
    return None if at is None else iso(at)


def _raw(json: str | None) -> msgspec.Raw | None:
    return None if json is None else msgspec.Raw(json.encode())


def webhook(w: Webhook, healths: Mapping[str, Health]) -> webhooks.Webhook:
    """LoginRadius' subscription object and our fields after it. `Event` is the first of `Events`."""
    return webhooks.Webhook(
        Id=w.id,
        TargetUrl=w.target_url,
        Event=w.events[0],
        CreatedDate=iso(w.created),
        LastModifiedDate=iso(w.modified),
        SecretName=w.secret,
        Name=w.name,
        IsIntegrationWebhook=False,
        Headers=shown_headers(w),
        QueryParams=shown_params(w),
        Authentication=_authentication(w),
        Events=list(w.events),
        Enabled=w.disabled_reason is None,
        DisabledReason=w.disabled_reason,
        Timeout=None if w.timeout is None else w.timeout / 1000,
        RetrySchedule=shown_schedule(w.schedule),
        MaxConcurrency=w.max_concurrency,
        RateLimit=w.rate_limit,
        Ordering=w.ordering,
        Filter=_raw(w.filter),
        PlainHeaders=list(w.plain_headers),
        PlainQueryParams=list(w.plain_params),
        Circuit=_circuit(healths.get(w.id, Health())),
    )


def _circuit(h: Health) -> webhooks.WebhookCircuit:
    return webhooks.WebhookCircuit(
        State=h.circuit,
        FailingSince=_date(h.failing_since),
        OpenedDate=_date(h.opened),
        ProbeDate=_date(h.probe),
    )


def _authentication(w: Webhook) -> webhooks.WebhookAuthentication | None:
    """Passwords and tokens come back as "", LoginRadius' way; sending "" back keeps them."""
    found = w.authentication
    if found is None:
        return None
    return webhooks.WebhookAuthentication(
        AuthType=found.kind,
        BasicAuth=webhooks.ShownBasicAuth(found.username, "") if found.kind is AuthType.BASIC else None,
        BearerToken=webhooks.ShownBearerToken("") if found.kind is AuthType.BEARER else None,
    )


def settings(s: TenantSettings) -> Settings:
    return Settings(
        WebhooksPerEvent=s.webhooks_per_event,
        UniqueTargetUrl=s.unique_target_url,
        LoginRadiusNames=s.loginradius_names,
        CallsPerSecond=s.calls_per_second,
    )


def secret(s: Secret) -> configuration.Secret:
    versions = [
        configuration.SecretVersion(Version=v.number, CreatedDate=iso(v.created), ValidUntil=_date(v.valid_until))
        for v in s.versions
    ]
    return configuration.Secret(Name=s.name, CreatedDate=iso(s.created), Versions=versions)


def shown_secret(made: secrets.Shown) -> configuration.ShownSecret:
    value, standard = made.value, whsec(made.value)
    return configuration.ShownSecret(**asdict(secret(made.secret)), Value=value, StandardWebhooksValue=standard)


def key(k: ApiKey) -> configuration.Key:
    return configuration.Key(
        Id=k.id, Name=k.name, Scopes=list(k.scopes), CreatedDate=iso(k.created), Expires=_date(k.expires)
    )


def shown_key(made: bearer.ShownKey) -> configuration.ShownKey:
    return configuration.ShownKey(**asdict(key(made.key)), Token=made.token)


def event_type(t: EventType) -> configuration.EventType:
    return configuration.EventType(Name=t.name, Family=t.family, Description=t.description)


def event_type_detail(t: EventType) -> configuration.EventTypeDetail:
    return configuration.EventTypeDetail(
        **asdict(event_type(t)), Schema=t.schema(), Sample=t.sample(), Samples=t.samples()
    )


def event(e: Event) -> history.Event:
    """`Payload` is the envelope, byte for byte as it is sent."""
    return history.Event(
        Id=e.id,
        Event=e.type,
        Subject=e.subject,
        OperationId=e.operation,
        Time=iso(e.time),
        AcceptedDate=iso(e.accepted),
        Payload=msgspec.Raw(e.body),
    )


def event_fate(fate: past.Fate) -> history.EventFate:
    return history.EventFate(
        **asdict(event(fate.row.event)),
        Deliveries=[delivery(d) for d in fate.deliveries],
        Skipped=[skip(s) for s in fate.skips],
    )


def skip(s: SkipRow) -> history.Skip:
    return history.Skip(Reason=s.reason, Detail=s.detail, Date=iso(s.at))


def delivery(d: DeliveryRow) -> history.Delivery:
    return history.Delivery(
        Id=d.id,
        State=d.state,
        EventId=d.event,
        Event=d.event_type,
        Subject=d.subject,
        WebhookId=d.webhook,
        WebhookName=d.webhook_name,
        Attempts=d.attempts,
        LastStatus=d.last_status,
        Reason=d.reason,
        CreatedDate=iso(d.created),
        DueDate=_date(d.due),
        EndedDate=_date(d.ended),
        Origin=d.origin,
    )


def delivery_history(d: DeliveryRow, lines: list[LedgerLine], plain: Collection[str]) -> history.DeliveryHistory:
    """`plain` are the names of headers that the owner of the delivery's webhook shows."""
    return history.DeliveryHistory(**asdict(delivery(d)), Lines=[line(entry, plain) for entry in lines])


def line(entry: LedgerLine, plain: Collection[str]) -> history.LedgerLine:
    return history.LedgerLine(
        Line=entry.line,
        Date=iso(entry.at),
        Reason=entry.reason,
        Attempt=None if entry.attempt is None else attempt(entry.attempt, plain),
    )


def attempt(a: AttemptRecord, plain: Collection[str]) -> history.Attempt:
    """Durations in milliseconds. `Answer` is text; bytes that are not UTF-8 show as U+FFFD.

    Masked again as it is shown: what an earlier version recorded shows more than this one's rules do.
    """
    timing = a.timing
    headers = mask_headers(a.request_headers, plain)
    return history.Attempt(
        Number=a.number,
        Date=iso(a.started),
        Url=shown_url(a.url),
        Status=a.status,
        Error=a.error,
        Detail=a.detail,
        Duration=history.Duration(
            Dns=timing.dns_ms,
            Connect=timing.connect_ms,
            Tls=timing.tls_ms,
            Wait=timing.wait_ms,
            Read=timing.read_ms,
            Total=timing.total_ms,
        ),
        Answer=a.answer.decode("utf-8", "replace"),
        AnswerCut=a.answer_cut,
        RequestHeaders=[history.Header(name, value) for name, value in headers],
    )


def trial(t: Trial, plain: Collection[str]) -> webhooks.TestResult:
    return webhooks.TestResult(Delivered=t.delivered, Reason=t.reason, Attempt=attempt(t.attempt, plain))


def explanation(e: explain.Explanation) -> history.Explanation:
    return history.Explanation(
        WebhookId=e.webhook,
        WebhookName=e.name,
        Because=e.because,
        Explanation=e.sentence,
        Delivery=None if e.delivery is None else delivery(e.delivery),
    )


def preview(p: again.Preview) -> recovery.Preview:
    return recovery.Preview(
        Scanned=p.scanned, Matched=p.matched, Complete=p.complete, Examples=[event(e) for e in p.examples]
    )


def job(j: Job) -> recovery.Job:
    """`Progress` from 0 to 1; `Made` counts deliveries, which the list of deliveries names by `Origin`."""
    chosen = j.selection
    return recovery.Job(
        Id=j.id,
        Kind=chosen.kind,
        State=j.state,
        Reason=j.reason,
        WebhookId=chosen.webhook,
        Since=_date(chosen.since),
        Until=_date(chosen.until),
        Events=None if chosen.events is None else list(chosen.events),
        Subject=chosen.subject,
        Filter=_raw(chosen.filter),
        Progress=round(j.progress, 3),
        Made=j.made,
        CreatedDate=iso(j.created),
        EndedDate=_date(j.ended),
    )


def condition(c: Condition) -> system.System:
    return system.System(
        Store=c.store,
        Owed=c.owed,
        Quarantined=c.quarantined,
        Nodes=[
            system.Node(
                Id=node.id,
                Host=node.about.host,
                ProcessId=node.about.pid,
                Version=node.about.version,
                Roles=list(node.about.roles),
                StartedDate=iso(node.about.started),
                SeenDate=iso(node.seen),
            )
            for node in c.nodes
        ],
        Turns=system.Turns(
            LongestMs=c.turns.longest_ms,
            LongestLastMinuteMs=c.turns.longest_last_minute_ms,
            P999Ms=c.turns.p999_ms,
        ),
        Warnings=c.warnings,
    )
