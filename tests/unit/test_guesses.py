"""Wrong credentials: each source has its own few, and the right caller gets through."""

from __future__ import annotations

import logging

import pytest

from outrider.app.guesses import KNOWN_S, LOG_EVERY_S, REMEMBERED, Guesses
from outrider.domain.errors import TooManyGuesses

AT_ONCE = 20
WHY = "an API secret that is not the API key's"


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def guesses(time: Time) -> Guesses:
    return Guesses(AT_ONCE, time)


def use_up(guesses: Guesses, tenant: str, source: str) -> None:
    for _ in range(AT_ONCE):
        guesses.wrong(tenant, source, WHY)


def test_a_pair_that_guessed_too_often_is_not_compared_any_more(guesses: Guesses, time: Time) -> None:
    use_up(guesses, "t", "192.0.2.1")
    with pytest.raises(TooManyGuesses) as refused:
        guesses.admit("t", "192.0.2.1")
    assert refused.value.status == 429
    time.now += refused.value.retry_after
    guesses.admit("t", "192.0.2.1")
    guesses.wrong("t", "192.0.2.1", WHY)
    with pytest.raises(TooManyGuesses):
        guesses.admit("t", "192.0.2.1")


def test_it_stops_no_other_source_and_no_other_tenant(guesses: Guesses) -> None:
    use_up(guesses, "t", "192.0.2.1")
    guesses.admit("t", "192.0.2.2")
    guesses.admit("other", "192.0.2.1")


def test_the_right_caller_gets_through_beside_a_guesser_at_the_same_address(guesses: Guesses, time: Time) -> None:
    guesses.right("t", "192.0.2.1")
    use_up(guesses, "t", "192.0.2.1")
    guesses.admit("t", "192.0.2.1")
    with pytest.raises(TooManyGuesses):
        guesses.wrong("t", "192.0.2.1", WHY)
    time.now += KNOWN_S / 2 + 1
    use_up(guesses, "t", "192.0.2.1")
    guesses.right("t", "192.0.2.1")
    time.now += KNOWN_S / 2 + 1
    use_up(guesses, "t", "192.0.2.1")
    guesses.admit("t", "192.0.2.1")
    time.now += KNOWN_S
    use_up(guesses, "t", "192.0.2.1")
    with pytest.raises(TooManyGuesses):
        guesses.admit("t", "192.0.2.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_what_is_one_source(guesses: Guesses, one: str, other: str, same: bool) -> None:
    use_up(guesses, "t", one)
    if same:
        with pytest.raises(TooManyGuesses):
            guesses.admit("t", other)
    else:
        guesses.admit("t", other)


def test_right_callers_of_an_ipv6_network_are_known(guesses: Guesses) -> None:
    guesses.right("t", "2001:db8::1")
    use_up(guesses, "t", "2001:db8::2")
    guesses.admit("t", "2001:db8::1")


def test_memory_is_bounded(guesses: Guesses) -> None:
    for number in range(REMEMBERED + 500):
        guesses.wrong("t", f"source-{number}", WHY)
        guesses.right("t", f"caller-{number}")
    assert len(guesses._wrong) == REMEMBERED
    assert len(guesses._known) == REMEMBERED


def test_every_guess_has_its_line_and_those_refused_share_one(
    guesses: Guesses, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "outrider.access"):
        use_up(guesses, "t", "192.0.2.1")
        assert len(caplog.messages) == AT_ONCE
        for _ in range(500):
            with pytest.raises(TooManyGuesses):
                guesses.admit("t", "192.0.2.1")
        assert len(caplog.messages) == AT_ONCE + 1
        time.now += LOG_EVERY_S
        use_up(guesses, "t", "192.0.2.1")
        with pytest.raises(TooManyGuesses):
            guesses.admit("t", "192.0.2.1")
        assert caplog.messages[-1] == (
            "access denied: tenant=t source=192.0.2.1 count=500 reason='too many wrong credentials'"
        )
