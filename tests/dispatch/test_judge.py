"""Judging answers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        (503, "Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        (503, "Thu, 01 Jan 2026 99999999999999999999:00:00 GMT", None),
        (503, "Thu, 01 Jan 2026 00:00:00 +99999999999999", None),
        (503, "Fri, 31 Dec 9999 23:59:59 -2359", 251_635_161_539_000),
        (503, "Mon, 01 Jan 0001 00:00:00 +2359", 0),
        (503, "1" * 5_000, None),
        (503, "0" * 20 + "7", 7_000),
        (503, "Thu, 01 Jan 2026 00:01:00 GMT" + " " * 20_000, 60_000),
        (503, "Thu, 01 Jan 2026 00:01:00 GMT" + "x" * 20_000, None),
    ],
)
def test_retry_after(status: int, value: str, wait: int | None) -> None:
    assert judge(reply(status, ("retry-after", value)), NOW).retry_after == wait


WORDS = st.sampled_from(
    "Thu, Thursday, 01 Jan Feb 2026 9999 0001 0000 00:00:00 23:59:60 24:61:61 GMT UTC EST Z -2359 +2400".split()
    + "+99999 -0000 : - ( ) , . ; T 99999999999999999999999999999 \u0663 \x00 01-Jan-26".split(" ")
)
VALUES = st.one_of(
    st.text(max_size=100),
    st.integers().map(str),
    st.lists(WORDS, max_size=12).map(" ".join),
    st.lists(WORDS, max_size=12).map("".join),
)


@settings(max_examples=2_000)
@given(st.integers(100, 999), VALUES, st.integers(0, 10**13))
def test_whatever_it_says_an_answer_is_judged(status: int, value: str, now: int) -> None:
    verdict = judge(reply(status, ("retry-after", value)), now)
    assert verdict.outcome in {Outcome.DELIVERED, Outcome.FAILED, Outcome.GONE}
    assert verdict.retry_after is None or verdict.retry_after >= 0
