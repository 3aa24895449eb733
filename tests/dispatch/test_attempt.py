"""One attempt: whatever comes back is the receiver's, whatever fails in us spends nothing and does not go on for
ever."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clocks import SetClock
from outrider.dispatch import attempt
from outrider.dispatch.attempt import Attempter
from outrider.dispatch.receivers import Receivers
from outrider.domain.breaker import Rules
from outrider.domain.clock import SECOND
from outrider.domain.delivery import NEVER, Line, Policy
from outrider.domain.envelope import decoded
from outrider.domain.ids import Ids
from outrider.domain.model import Delivery, Tenant, TenantBook, Webhook
from outrider.ports.queue import AttemptRecord, Settlement
from outrider.ports.sender import Failure, FailureKind, Reply, Request, Timing
from outrider.vault.keyring import Keyring

EVERY = 30 * SECOND
TIMES = 5
OPERATOR = Webhook("op", "t", "op", ("DeliveryQuarantined",), "https://op.example/", "", None, None, None, 0, 0)


class Chance:
    def bytes(self, count: int) -> bytes:
        return bytes(count)

    def dice(self) -> float:
        return 0.5


class Sends:
    """A sender that answers what it is told, or raises it."""

    def __init__(self) -> None:
        self.answer: Reply | Failure | Exception = Reply(200, (), b"", False, Timing())
        self.sent: list[Request] = []

    async def send(self, request: Request) -> Reply | Failure:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        """Nothing to close."""


class Bench:
    """An attempter of one tenant with the webhooks `w` and `x`, and one for the operator."""

    def __init__(self) -> None:
        self.vault = Keyring({1: b"k" * 32})
        self.clock = SetClock(1_767_225_600_000)
        self.sends = Sends()
        hooks = {
            name: Webhook(name, "t", name, ("Login",), f"https://{name}.example/", "", None, None, None, 0, 0)
            for name in ("w", "x")
        }
        self.hooks = hooks | {"op": OPERATOR}
        sealed = self.vault.seal("secret", "tenant/t/api-secret")
        self.book = TenantBook(Tenant("t", "t", "key", sealed, 0), 1, self.hooks, {}, {})
        ids = Ids(self.clock.now, Chance().bytes)
        self.receivers = Receivers(self.clock, Chance(), Rules())
        self.attempter = Attempter(
            picture=self, sender=self.sends, vault=self.vault, clock=self.clock, entropy=Chance(), ids=ids,
            receivers=self.receivers, policy=Policy(), timeout_ms=1_000,
        )  # fmt: skip

    def webhook(self, tenant: str, webhook: str) -> Webhook | None:
        return self.hooks.get(webhook)

    def of(self, tenant: str) -> TenantBook:
        return self.book

    async def refresh(self, tenant: str) -> TenantBook:
        return self.book

    def run(self, delivery: Delivery) -> Settlement | None:
        """As the engine does."""
        try:
            return asyncio.run(self.attempter.run(delivery))
        except Exception as error:
            return self.attempter.broken(delivery, error)

    def fail(
        self, *deliveries: Delivery, times: int, between: Callable[[], Any] = lambda: None
    ) -> list[Settlement]:
        """Each of them so often, in turn."""
        settlements = []
        for _ in range(times):
            for delivery in deliveries:
                found = self.run(delivery)
                assert found is not None
                settlements.append(found)
            between()
            self.clock.passed += EVERY
        return settlements


def owed(name: str = "d", webhook: str = "w", **changes: Any) -> Delivery:
    delivery = Delivery(name, "t", webhook, f"e-{name}", "Login", None, b"{}", 0, 0)
    return msgspec.structs.replace(delivery, **changes)


@pytest.mark.parametrize("part", ["judge", "_record"])
def test_an_answer_we_fail_to_read_is_an_attempt(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(attempt, part, fails)
    bench = Bench()
    bench.sends.answer = Reply(503, (), b"", False, Timing())
    found = bench.run(owed())
    assert found is not None
    assert (found.step.line, found.step.attempts) == (Line.ATTEMPTED, 1)
    assert found.attempt is not None
    assert found.attempt.number == 1
    if part == "judge":
        assert found.reason == "the answer could not be read"
    else:
        assert (found.reason, found.attempt.status) == ("status 503", 503)
        assert found.attempt.detail == "the answer could not be kept"


def test_what_was_delivered_stays_so_when_the_rest_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def fails(*_: Any) -> Any:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(bench.receivers, "observe", fails)
    found = bench.run(owed())
    assert found is not None
    assert (found.step.line, found.step.attempts, found.reason) == (Line.DELIVERED, 1, "status 200")


TEXT = st.text(st.characters(codec=None), max_size=60)  # lone surrogates and NUL too
ANSWERS = st.one_of(
    st.builds(
        Reply,
        status=st.integers(200, 999),
        headers=st.lists(st.tuples(st.sampled_from(["retry-after", "date", "x"]), TEXT), max_size=4).map(tuple),
        body=st.binary(max_size=5_000),
        body_cut=st.booleans(),
        timing=st.just(Timing()),
    ),
    st.builds(Failure, kind=st.sampled_from(FailureKind), detail=TEXT, timing=st.just(Timing())),
)


@settings(max_examples=500, deadline=None)
@given(ANSWERS)
def test_whatever_comes_back_is_an_attempt_that_can_be_stored(answer: Reply | Failure) -> None:
    bench = Bench()
    bench.sends.answer = answer
    found = bench.run(owed())
    assert found is not None
    assert (found.step.attempts, found.attempt is not None) == (1, True)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(found.attempt), type=AttemptRecord)
    assert kept == found.attempt
    assert len(kept.answer) <= attempt.ANSWER_BYTES
    assert "\0" not in (found.reason or "") + (kept.detail or "")


def test_one_that_fails_in_us_again_and_again_is_quarantined(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    found = bench.fail(owed(body=None), times=TIMES)
    assert [s.step.line for s in found] == [Line.DEFERRED] * 4 + [Line.QUARANTINED]
    last = found[-1]
    assert (last.step.attempts, last.step.due, last.attempt) == (0, NEVER, None)
    assert last.reason == "the event's body is not in the store any more"
    (critical,) = [r for r in caplog.records if r.levelno == logging.CRITICAL]
    assert "delivery d to webhook w is quarantined" in critical.getMessage()
    assert last.news is not None
    (event,) = last.news.events
    assert event.type == "DeliveryQuarantined"
    told = decoded(event.body)["Data"]
    assert (told["DeliveryId"], told["Attempts"], told["Reason"]) == ("d", 0, last.reason)
    assert [d.webhook for d in last.news.deliveries] == ["op"]


def test_a_quarantined_system_event_raises_none() -> None:
    found = Bench().fail(owed(body=None, event_type="DeliveryExhausted"), times=TIMES)
    assert (found[-1].step.line, found[-1].news) == (Line.QUARANTINED, None)


def test_a_fault_that_any_delivery_meets_quarantines_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(attempt, "build", fails)
    found = Bench().fail(owed("a"), owed("b", "x"), times=50)
    assert {s.step.line for s in found} == {Line.DEFERRED}
    assert {s.step.attempts for s in found} == {0}


@pytest.mark.parametrize(
    "fault", [OSError(errno.EMFILE, "too many open files"), MemoryError(), RuntimeError("can't start new thread")]
)
def test_a_process_short_of_something_quarantines_none(fault: Exception) -> None:
    """Though others get through all the same, over connections that are open."""
    bench = Bench()
    bench.sends.answer = fault

    def another() -> None:
        bench.sends.answer = Reply(200, (), b"", False, Timing())
        bench.run(owed("other", "x"))
        bench.sends.answer = fault

    found = bench.fail(owed(), times=50, between=another)
    assert {s.step.line for s in found} == {Line.DEFERRED}


def test_a_webhook_we_cannot_sign_for_holds_back_its_own_deliveries_and_nothing_is_quarantined() -> None:
    bench = Bench()
    bench.hooks["w"] = msgspec.structs.replace(bench.hooks["w"], secret="lost")
    first = bench.run(owed("a"))
    assert first is not None
    assert (first.step.line, first.reason) == (Line.DEFERRED, "signing secret not available")
    assert bench.run(owed("b")) is None  # given back: it says nothing in the ledger
    assert bench.receivers.allowed(bench.hooks["w"]) == 0
    assert bench.attempter.warnings("t") == [
        "requests to 1 webhooks cannot be prepared, so their deliveries wait; the log says why"
    ]
    other = bench.run(owed("c", "x"))
    assert other is not None
    assert other.step.line is Line.DELIVERED
    found = []
    for _ in range(50):
        bench.clock.passed += EVERY
        found.append(bench.run(owed("a")))
        bench.run(owed("c", "x"))
    assert {s.step.line for s in found if s} == {Line.DEFERRED}
    bench.hooks["w"] = msgspec.structs.replace(bench.hooks["w"], secret="")
    bench.clock.passed += EVERY
    assert bench.attempter.warnings("t") == []
    well = bench.run(owed("a"))
    assert well is not None
    assert well.step.line is Line.DELIVERED


def test_a_retry_is_due_by_time_that_passes_and_a_signature_is_made_by_the_wall_clock() -> None:
    bench = Bench()
    bench.sends.answer = Reply(500, (), b"", False, Timing())
    began = bench.clock.steady()
    bench.clock.wall -= 5 * 3_600 * SECOND
    found = bench.run(owed())
    assert found is not None
    assert found.step.due is not None
    assert 4 * SECOND <= found.step.due - began <= 6 * SECOND
    assert found.at == bench.clock.now()
    timestamp = dict(bench.sends.sent[0].headers)["webhook-timestamp"]
    assert timestamp == str(bench.clock.now() // 1000)
