"""One attempt, a pipeline of named steps: prepare → sign → send → judge → the settlement to write."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

import msgspec

from outrider.dispatch.judge import Verdict, judge, unreadable
from outrider.dispatch.receivers import Receivers
from outrider.dispatch.request import Template, build, template
from outrider.domain.delivery import Line, Outcome, Policy, advance
from outrider.domain.echo import EchoMask
from outrider.domain.errors import OurError, StoreUnavailable
from outrider.domain.faults import Faults
from outrider.domain.ids import Ids
from outrider.domain.model import Acceptance, Delivery, TenantBook, Webhook
from outrider.domain.news import (
    DELIVERY_EXHAUSTED,
    DELIVERY_QUARANTINED,
    SYSTEM_EVENTS,
    WEBHOOK_DISABLED,
    announce,
    delivery_exhausted,
    delivery_quarantined,
    webhook_disabled,
)
from outrider.domain.target import shown_url
from outrider.ports.clock import Clock, Entropy
from outrider.ports.picture import Picture
from outrider.ports.queue import AttemptRecord, Settlement
from outrider.ports.sender import Failure, Reply, Request, Sender, Timing
from outrider.ports.trials import Trial
from outrider.ports.vault import Unsealable, Vault

log = logging.getLogger("outrider.attempt")
ANSWER_BYTES = 4096
TEMPLATES = 10_000
COMPRESSED = "the answer is compressed although that was not asked for, so its body is not kept"
_COMPRESSED = (b"\x1f\x8b", b"(\xb5/\xfd", b"BZh", b"\xfd7zXZ", b"PK\x03\x04")  # gzip, zstd, bzip2, xz, zip
NOTHING_BUT_FAILURES = "nothing but failures for 5 days, on every one of them"
# Faults that any delivery would have met, however often one has: no descriptors, no memory, no threads, no store.
_OF_THE_PROCESS = (OSError, MemoryError, StoreUnavailable)


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
        self._faults = Faults()

    async def run(self, delivery: Delivery) -> Settlement | None:
        """The settlement of one attempt; None when the webhook is disabled or held, so nothing was tried.

        Raises for a fault of ours that is not the webhook's: see `broken`.
        """
        webhook = self._picture.webhook(delivery.tenant, delivery.webhook)
        if webhook is None:
            return self._untried(delivery, Outcome.CANCELLED, "webhook deleted")
        if webhook.disabled_reason or self._receivers.held(webhook):
            return None
        started = self._clock.now()
        try:
            common = self._template(webhook, self._picture.of(delivery.tenant), started)
        except Exception as error:
            return self._unprepared(delivery, webhook, error)
        request = self._request(delivery, webhook, common, started)
        try:
            answer = await self._send(request)
        except OurError as error:  # no connection to give: a fault of the process, whatever it was to send
            return self._untried(delivery, Outcome.OURS, str(error))
        now = self._clock.now()
        verdict, record = _read(delivery, started, common, request, answer, now=now)
        if self._faults.any:
            self._faults.through(delivery.id, self._clock.steady())
        try:
            return self._settlement(delivery, webhook, verdict, record, now)
        except Exception:
            log.critical(
                "the outcome of delivery %s is settled without what belongs to it", delivery.id, exc_info=True
            )
            return self._bare_settlement(delivery, verdict, record, now)

    async def probe(self, delivery: Delivery) -> Trial:
        """One request that changes nothing, not even what is known of the receiver (`ports/trials.py`)."""
        webhook = self._picture.webhook(delivery.tenant, delivery.webhook)
        if webhook is None:
            raise LookupError(delivery.webhook)
        started = self._clock.now()
        try:
            common = self._template(webhook, self._picture.of(delivery.tenant), started)
        except (Unsealable, LookupError) as error:
            raise OurError(f"cannot sign for webhook {webhook.id}: {error}") from error
        request = self._request(delivery, webhook, common, started)
        answer = await self._send(request)
        now = self._clock.now()
        verdict, record = _read(delivery, started, common, request, answer, now=now)
        return Trial(verdict.outcome is Outcome.DELIVERED, verdict.reason, record)

    def _send(self, request: Request) -> Awaitable[Reply | Failure]:
        return self._sender.send(request)

    def broken(self, delivery: Delivery, error: Exception) -> Settlement:
        """The settlement when the attempt itself raised: our fault, so it spends nothing. A fault that stays with
        this delivery alone ends in quarantine."""
        log.error("attempt of delivery %s failed inside Outrider", delivery.id, exc_info=error)
        reason = str(error) if isinstance(error, OurError) else f"internal error ({type(error).__name__})"
        particular = not _is_of_the_process(error)
        if particular and self._faults.failed(delivery.id, self._clock.steady()):
            return self.quarantined(delivery, delivery.attempts, reason)
        return self._untried(delivery, Outcome.OURS, reason)

    def quarantined(self, delivery: Delivery, attempts: int, reason: str) -> Settlement:
        """The settlement that sets a delivery aside until it is sent again by hand. `attempts` were spent."""
        log.critical(
            "delivery %s to webhook %s is quarantined, because Outrider fails to send it: %s. "
            "Others go on without it; once the fault is mended, send it with POST /v2/manage/deliveries/%s/resend",
            delivery.id, delivery.webhook, reason, delivery.id,
        )  # fmt: skip
        now = self._clock.now()
        step = advance(attempts, Outcome.STUCK, 0, self._policy, dice=0)
        settlement = Settlement(delivery, step, now, reason)
        webhook = self._picture.webhook(delivery.tenant, delivery.webhook)
        if webhook is None or delivery.event_type in SYSTEM_EVENTS:
            return settlement
        told = delivery_quarantined(delivery, webhook, attempts=attempts, reason=reason, at=now)
        try:
            news = self._announce(delivery.tenant, DELIVERY_QUARANTINED, webhook.id, told)
        except Exception:
            log.critical("no event tells of the quarantine of delivery %s", delivery.id, exc_info=True)
            return settlement
        return msgspec.structs.replace(settlement, news=news)

    def warnings(self, tenant: str) -> list[str]:
        """What keeps this process from sending for a tenant, a sentence each."""
        held = self._receivers.how_many_held(tenant)
        if not held:
            return []
        told = f"requests to {held} webhooks cannot be prepared, so their deliveries wait; the log says why"
        return [told]

    def _unprepared(self, delivery: Delivery, webhook: Webhook, error: Exception) -> Settlement:
        """No request to this webhook can be prepared, whichever delivery it is for: one of them says so in the
        ledger, and the others wait unspent. None is quarantined, because the fault is not with one of them."""
        if isinstance(error, Unsealable | LookupError):
            log.error("cannot sign for webhook %s: %s", webhook.id, error)
            reason = "signing secret not available"
        else:
            log.critical("cannot prepare requests to webhook %s", webhook.id, exc_info=error)
            reason = f"request cannot be prepared ({type(error).__name__})"
        self._receivers.hold(webhook, self._policy.our_delay)
        return self._untried(delivery, Outcome.OURS, reason)

    def _request(self, delivery: Delivery, webhook: Webhook, common: Template, now: int) -> Request:
        timeout_ms = webhook.timeout or self._timeout_ms
        return build(delivery, common, now=now, nonce=self._entropy.bytes(4), timeout_ms=timeout_ms)

    def _template(self, webhook: Webhook, book: TenantBook, now: int) -> Template:
        """Made once for each webhook and version of the configuration."""
        found = self._templates.get(webhook.id)
        if found is None or not found.holds(book, now):
            if len(self._templates) >= TEMPLATES:
                self._templates.clear()
            found = self._templates[webhook.id] = template(webhook, book, self._vault, now)
        return found

    def _untried(self, delivery: Delivery, outcome: Outcome, reason: str) -> Settlement:
        step = advance(delivery.attempts, outcome, self._clock.steady(), self._policy, dice=self._entropy.dice())
        return Settlement(delivery, step, self._clock.now(), reason)

    def _settlement(
        self, delivery: Delivery, webhook: Webhook, verdict: Verdict, record: AttemptRecord, now: int
    ) -> Settlement:
        delivered = verdict.outcome is Outcome.DELIVERED
        step = advance(
            delivery.attempts,
            verdict.outcome,
            0 if delivered else self._clock.steady(),  # what is delivered is never due again
            self._policy_of(webhook),
            dice=self._entropy.dice(),
            retry_after=verdict.retry_after,
        )
        health = self._receivers.observe(webhook, verdict.sign)
        if delivered:
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

    def _bare_settlement(self, delivery: Delivery, verdict: Verdict, record: AttemptRecord, now: int) -> Settlement:
        """The attempt and its outcome, when the rest of the settlement cannot be made: no health, nothing disabled,
        no event of ours."""
        steady = self._clock.steady()
        step = advance(delivery.attempts, verdict.outcome, steady, self._policy, dice=self._entropy.dice())
        return Settlement(delivery, step, now, verdict.reason, record)

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


def _is_of_the_process(error: Exception) -> bool:
    # A RuntimeError says that no thread can be started, or that the executor is shut down; RecursionError is one
    # too.
    return isinstance(error, _OF_THE_PROCESS) or type(error) is RuntimeError


def _read(
    delivery: Delivery, started: int, common: Template, request: Request, answer: Reply | Failure, *, now: int
) -> tuple[Verdict, AttemptRecord]:
    """What the answer says, and what is kept of it. Never raises: the request was made, so it is an attempt
    whatever happens here. An answer that we fail to read is the receiver's failure."""
    number = delivery.attempts + 1
    try:
        verdict = judge(answer, now)
    except Exception:
        log.critical("the answer to delivery %s could not be read", delivery.id, exc_info=True)
        verdict = unreadable()
    try:
        record = _record(number, started, common, request, answer)
    except Exception:
        log.critical("the answer to delivery %s could not be kept", delivery.id, exc_info=True)
        record = _bare_record(number, started, common, answer)
    return verdict, record


def _bare_record(number: int, started: int, common: Template, answer: Reply | Failure) -> AttemptRecord:
    return AttemptRecord(
        number=number,
        started=started,
        url=common.shown_url,
        request_headers=common.shown,
        status=None if isinstance(answer, Failure) else answer.status,
        error=None,
        detail="the answer could not be kept",
        answer=b"",
        answer_cut=True,
        timing=Timing(),
    )


def _record(
    number: int, started: int, common: Template, request: Request, answer: Reply | Failure
) -> AttemptRecord:
    """What the ledger keeps: secrets masked, no query of the URL, the first 4 KiB of the answer."""
    if isinstance(answer, Failure):
        status, error, detail, body, cut = None, str(answer.kind), _storable(answer.detail), b"", False
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


def _storable(text: str) -> str:
    """Text that every store and encoding takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
