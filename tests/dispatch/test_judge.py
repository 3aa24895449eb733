"""Judging answers."""

import pytest

from outrider.dispatch.judge import judge
from outrider.domain.delivery import Outcome
from outrider.ports.sender import Failure, FailureKind, Reply, Timing

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def reply(status: int, *headers: tuple[str, str]) -> Reply:
    return Reply(status, headers, b"", False, Timing())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success(status: int) -> None:
    assert judge(reply(status), NOW).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [300, 301, 302, 307, 400, 401, 404, 409, 429, 500, 502, 503, 504, 600])
def test_failure(status: int) -> None:
    verdict = judge(reply(status), NOW)
    assert verdict.outcome is Outcome.FAILED
    assert str(status) in verdict.reason


def test_gone() -> None:
    assert judge(reply(410), NOW).outcome is Outcome.GONE


@pytest.mark.parametrize("kind", list(FailureKind))
def test_no_answer(kind: FailureKind) -> None:
    verdict = judge(Failure(kind, "why", Timing()), NOW)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAILED, kind.value)


@pytest.mark.parametrize(
    ("status", "value", "wait"),
    [
        (429, "120", 120_000),
        (503, "Thu, 01 Jan 2026 00:01:00 GMT", 60_000),
        (503, "Wed, 31 Dec 2025 23:00:00 GMT", 0),
        (503, "soon", None),
        (503, "-5", None),
        (503, "", None),
        (503, "²", None),
        (500, "120", None),
    ],
)
def test_retry_after(status: int, value: str, wait: int | None) -> None:
    assert judge(reply(status, ("retry-after", value)), NOW).retry_after == wait
