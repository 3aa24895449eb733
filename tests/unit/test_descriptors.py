"""Descriptors are divided so that no part reaches into another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider import descriptors
from outrider.descriptors import HEADROOM, INCOMING, INCOMING_FEWEST, OUTGOING_MOST, OWN, Division, divide
from outrider.domain.errors import ConfigError


def divided(limit: int, store: int, wanted: int | None) -> Division | None:
    try:
        return divide(limit, store, wanted)
    except ConfigError:
        return None


@given(st.integers(0, 2_000_000), st.integers(0, 200), st.none() | st.integers(16, 65_536))
def test_the_parts_fit_into_the_limit_or_the_start_is_refused(limit: int, store: int, wanted: int | None) -> None:
    division = divided(limit, store, wanted)
    if division is None:
        assert wanted is not None or limit < 2_000
        return
    assert division.outgoing + division.incoming + HEADROOM + OWN + store <= limit
    assert division.outgoing <= OUTGOING_MOST
    assert division.incoming == (wanted or division.incoming) <= (wanted or INCOMING)
    assert wanted is not None or division.incoming >= INCOMING_FEWEST


@pytest.mark.parametrize(
    ("limit", "division"),
    [(1_024, Division(256, 566)), (4_096, Division(1_024, 2_000)), (1_048_576, Division(8_192, 2_000))],
)
def test_usual_limits(limit: int, division: Division) -> None:
    assert divide(limit, 10, None) == division


def test_a_refusal_says_what_would_do() -> None:
    with pytest.raises(ConfigError) as refused:
        divide(256, 10, None)
    fewest = int(refused.value.expected.split()[2])
    assert divide(fewest, 10, None).incoming == INCOMING_FEWEST
    with pytest.raises(ConfigError):
        divide(fewest - 1, 10, None)
    with pytest.raises(ConfigError, match="at most 566"):
        divide(1_024, 10, 567)
    assert divide(1_024, 10, 566).incoming == 566


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 512), before[1]))
        assert descriptors.raised_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
