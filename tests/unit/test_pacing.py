"""Token buckets and ids: both must hold whatever the clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.ids import Ids, is_uuid
from outrider.domain.pacing import TokenBucket


@given(st.floats(0.01, 1_000), st.floats(1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=100))
def test_no_more_than_the_rate_and_one_burst(rate: float, burst: float, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate, burst, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        while bucket.wait(now) == 0:
            bucket.take()
            taken += 1
    assert taken <= burst + rate * now + 1e-3


@given(st.floats(0.01, 1_000))
def test_who_waits_as_told_gets_a_token(rate: float) -> None:
    bucket, now = TokenBucket(rate, 1, 0.0), 0.0
    for _ in range(20):
        now += bucket.wait(now)
        assert bucket.wait(now) == 0
        bucket.take()
    assert now >= 19 / rate * 0.999


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_ids_rise_whatever_the_clock_does(instants: list[int], chance: object) -> None:
    clock = iter(instants)
    ids = Ids(lambda: next(clock), chance.randbytes)
    made = [ids.new() for _ in instants]
    assert made == sorted(set(made))
    assert all(is_uuid(one) and one[14] == "7" and one[19] in "89ab" for one in made)


def test_ids_go_on_after_what_was_stored() -> None:
    first = Ids(lambda: 5_000, lambda n: b"\xff" * n)
    stored = [first.new() for _ in range(3)]
    second = Ids(lambda: 1_000, lambda n: b"\x00" * n)
    second.after(stored[-1])
    assert second.new() > stored[-1]
