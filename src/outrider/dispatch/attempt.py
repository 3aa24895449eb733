"""One attempt, a pipeline of named steps: prepare → sign → send → judge → the settlement to write."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

import msgspec

from outrider.dispatch.judge import Verdict, judge
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.request import Template, build, template
from outrider.domain.delivery import Line, Outcome, Policy, advance
from outrider.domain.echo import EchoMask
from outrider.domain.errors import OurError
from outrider.domain.ids import Ids
from outrider.domain.model import Acceptance, Delivery, TenantBook, Webhook
from outrider.domain.news import (
    DELIVERY_EXHAUSTED,
    SYSTEM_EVENTS,
    WEBHOOK_DISABLED,
    announce,
    delivery_exhausted,
    webhook_disabled,
)
from outrider.domain.target import shown_url
from outrider.ports.clock import Clock, Entropy
from outrider.ports.picture import Picture
from outrider.ports.queue import AttemptRecord, Settlement
from outrider.ports.sender import Failure, Reply, Request, Sender
from outrider.ports.trials import Trial
from outrider.ports.vault import Unsealable, Vault

log = logging.getLogger("outrider.attempt")
ANSWER_BYTES = 4096
TEMPLATES = 10_000
COMPRESSED = "the answer is compressed although that was not asked for, so its body is not kept"
_COMPRESSED = (b"\x1f\x8b", b"(\xb5/\xfd", b"BZh", b"\xfd7zXZ", b"PK\x03\x04")  # gzip, zstd, bzip2, xz, zip
NOTHING_BUT_FAILURES = "nothing but failures for 5 days"


class Attempter:
    """Makes attempts. `timeout_ms` bounds each one from the DNS query to the last byte, and `policy` says how to
    go on, where the webhook has no timeout or schedule of its own."""

    def __init__(
        self,
        *,
        picture: Picture,
        sender: Sender,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        ids: Ids,
        receivers: Receivers,
        policy: Policy,
        timeout_ms: int,
    ) -> None:
        self._picture = picture
        self._sender = sender
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._ids = ids
        self._receivers = receivers
        self._policy = policy
        self._timeout_ms = timeout_ms
        self._templates: dict[str, Template] = {}  # by webhook

    async def run(self, delivery: Delivery) -> Settlement | None:
        """The settlement of one attempt; None when the webhook is disabled, so nothing was tried."""
        webhook = self._picture.webhook(delivery.tenant, delivery.webhook)
        if webhook is None:
            return self._untried(delivery, Outcome.CANCELLED, "webhook deleted")
        if webhook.disabled_reason:
            return None
        started = self._clock.now()
        try:
            common, request = self._prepare(delivery, webhook, started)
        except (Unsealable, LookupError) as error:
            log.error("cannot sign for webhook %s: %s", webhook.id, error)
            return self._untried(delivery, Outcome.OURS, "signing secret not available")
        try:
            answer = await self._send(request)
        except OurError as error:
            return self._untried(delivery, Outcome.OURS, str(error))
        now = self._clock.now()
        record = _record(delivery.attempts + 1, started, common, request, answer)
        return self._settlement(delivery, webhook, judge(answer, now), record, now)

    async def probe(self, delivery: Delivery) -> Trial:
        """One request that changes nothing, not even what is known of the receiver (`ports/trials.py`)."""
        webhook = self._picture.webhook(delivery.tenant, delivery.webhook)
        if webhook is None:
            raise LookupError(delivery.webhook)
        started = self._clock.now()
        try:
            common, request = self._prepare(delivery, webhook, started)
        except (Unsealable, LookupError) as error:
            raise OurError(f"cannot sign for webhook {webhook.id}: {error}") from error
        answer = await self._send(request)
        verdict = judge(answer, self._clock.now())
        record = _record(delivery.attempts + 1, started, common, request, answer)
        return Trial(verdict.outcome is Outcome.DELIVERED, verdict.reason, record)

    def _send(self, request: Request) -> Awaitable[Reply | Failure]:
        return self._sender.send(request)

    def broken(self, delivery: Delivery, error: BaseException) -> Settlement:
        """The settlement when the attempt itself raised: our fault, so it spends nothing."""
        log.error("attempt of delivery %s failed inside Outrider", delivery.id, exc_info=error)
        return self._untried(delivery, Outcome.OURS, "internal error")

    def _prepare(self, delivery: Delivery, webhook: Webhook, now: int) -> tuple[Template, Request]:
        common = self._template(webhook, self._picture.of(delivery.tenant), now)
        timeout_ms = webhook.timeout or self._timeout_ms
        return common, build(delivery, common, now=now, nonce=self._entropy.bytes(4), timeout_ms=timeout_ms)

    def _template(self, webhook: Webhook, book: TenantBook, now: int) -> Template:
        """Made once for each webhook and version of the configuration."""
        found = self._templates.get(webhook.id)
        if found is None or not found.holds(book, now):
            if len(self._templates) >= TEMPLATES:
                self._templates.clear()
            found = self._templates[webhook.id] = template(webhook, book, self._vault, now)
        return found

    def _untried(self, delivery: Delivery, outcome: Outcome, reason: str) -> Settlement:
        now = self._clock.now()
        step = advance(delivery.attempts, outcome, now, self._policy, dice=self._entropy.dice())
        return Settlement(delivery, step, now, reason)

    def _settlement(
        self, delivery: Delivery, webhook: Webhook, verdict: Verdict, record: AttemptRecord, now: int
    ) -> Settlement:
        step = advance(
            delivery.attempts,
            verdict.outcome,
            now,
            self._policy_of(webhook),
            dice=self._entropy.dice(),
            retry_after=verdict.retry_after,
        )
        health = self._receivers.observe(webhook, verdict.sign)
        if verdict.outcome is Outcome.DELIVERED:
            return Settlement(delivery, step, now, verdict.reason, record, health=health)
        log.info(
            "webhook %s delivery %s attempt %d: %s, now %s",
            webhook.id, delivery.id, record.number, verdict.reason, step.line,
        )  # fmt: skip
        disable = None
        if verdict.outcome is Outcome.GONE:
            disable = verdict.reason
        elif self._receivers.given_up(webhook):
            disable = NOTHING_BUT_FAILURES
        settlement = Settlement(delivery, step, now, verdict.reason, record, disable, health=health)
        return msgspec.structs.replace(settlement, news=self._news(settlement, webhook, record))

    def _policy_of(self, webhook: Webhook) -> Policy:
        if webhook.schedule is None:
            return self._policy
        return msgspec.structs.replace(self._policy, schedule=webhook.schedule)

    def _news(self, settlement: Settlement, webhook: Webhook, record: AttemptRecord) -> Acceptance | None:
        """What the operator is told: a webhook disabled, a delivery exhausted unless it is our own event."""
        delivery, now = settlement.delivery, settlement.at
        told: list[Acceptance] = []
        if settlement.disable is not None:
            disabled = webhook_disabled(webhook, shown_url(webhook.target_url), settlement.disable, now)
            told.append(self._announce(delivery.tenant, WEBHOOK_DISABLED, webhook.id, disabled))
        if settlement.step.line is Line.EXHAUSTED and delivery.event_type not in SYSTEM_EVENTS:
            exhausted = delivery_exhausted(
                delivery,
                webhook,
                attempts=record.number,
                status=record.status,
                error=record.error,
                at=now,
            )
            told.append(self._announce(delivery.tenant, DELIVERY_EXHAUSTED, webhook.id, exhausted))
        if not told:
            return None
        return msgspec.structs.replace(
            told[0],
            events=tuple(event for news in told for event in news.events),
            deliveries=tuple(d for news in told for d in news.deliveries),
        )

    def _announce(self, tenant: str, name: str, subject: str, payload: dict[str, object]) -> Acceptance:
        book = self._picture.of(tenant)
        return announce(book, name, subject, payload, now=self._clock.now(), new_id=self._ids.new)


def _record(
    number: int, started: int, common: Template, request: Request, answer: Reply | Failure
) -> AttemptRecord:
    """What the ledger keeps: secrets masked, no query of the URL, the first 4 KiB of the answer."""
    if isinstance(answer, Failure):
        status, error, detail, body, cut = None, str(answer.kind), answer.detail, b"", False
    else:
        status, error, detail = answer.status, None, None
        body, cut = _kept(answer, common.echo)
        if not body and answer.body:
            detail = COMPRESSED
    return AttemptRecord(
        number=number,
        started=started,
        url=common.shown_url,
        request_headers=common.shown + request.headers,  # the latter carry no credential
        status=status,
        error=error,
        detail=detail,
        answer=body,
        answer_cut=cut,
        timing=answer.timing,
    )


def _kept(answer: Reply, echo: EchoMask) -> tuple[bytes, bool]:
    """The beginning of the answer's body, and whether there was more. Nothing of a compressed one: secrets that it
    echoes could not be found in it."""
    body = answer.body
    if not body:
        return b"", False
    for name, value in answer.headers:
        if name == "content-encoding" and value.strip().lower() not in {"", "identity"}:
            return b"", True
    if body.startswith(_COMPRESSED):
        return b"", True
    cut = answer.body_cut or len(body) > ANSWER_BYTES
    masked = echo.mask(body[:ANSWER_BYTES], cut=cut)
    return masked[:ANSWER_BYTES], cut or len(masked) > ANSWER_BYTES
