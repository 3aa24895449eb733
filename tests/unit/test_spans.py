"""The spans of days in which lists on PostgreSQL look: nothing left out, nothing twice, never many days at once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.clock import DAY
from outrider.domain.ids import uuid7
from outrider.store.postgres.spans import (
    AHEAD,
    MOST,
    PAST_EVERY_INSTANT,
    first_id,
    first_place,
    id_instant,
    id_spans,
    place,
    place_instant,
    spans,
    whole,
)

INSTANTS = st.integers(0, 40_000 * DAY)
MAYBE = st.none() | INSTANTS


@given(INSTANTS, MAYBE, INSTANTS, st.sampled_from([DAY, MOST]))
def test_spans_adjoin_and_are_bounded(newest: int, since: int | None, oldest: int, first: int) -> None:
    found = list(spans(newest, since, oldest, first))
    assert found[0][1] == PAST_EVERY_INSTANT
    assert found[-1][0] == (since or 0)
    assert all(above[0] == below[1] for above, below in pairwise(found))
    assert all(bottom <= top for bottom, top in found)
    # Days are between `oldest` and about now; in each span there are so many at most.
    assert all(min(top, newest) - max(bottom, oldest) <= MOST for bottom, top in found)


@given(
    made=st.lists(INSTANTS, max_size=20), since=MAYBE, until=MAYBE, now=INSTANTS, oldest=INSTANTS, before=MAYBE,
    back=st.booleans(),
)  # fmt: skip
def test_every_delivery_is_in_one_span(
    *, made: list[int], since: int | None, until: int | None, now: int, oldest: int, before: int | None, back: bool
) -> None:
    """`back`: their clock had been set back by an hour, so ids are ahead of their instants."""
    below = None if before is None else uuid7(before, bytes(10))
    parts = list(id_spans(below, since, until, now, oldest))
    for number, instant in enumerate(made):
        identity = uuid7(instant + (3_600_000 if back else 0), bytes([number]) * 10)
        created = (since is None or instant >= since) and (until is None or instant < until)
        wanted = created and (below is None or identity < below)
        ahead = id_instant(identity, 0) > instant + AHEAD
        for seen in (parts, whole(parts)):
            holding = [p for p in seen if p.bottom <= identity < p.top and (ahead or not p.ahead)]
            assert len(holding) == 1 if wanted else len(holding) <= 1


@given(INSTANTS, st.integers(0, 1 << 40))
def test_instants_survive_in_places_and_ids(instant: int, number: int) -> None:
    assert place_instant(place(instant, number)) == instant
    assert first_place(instant) <= place(instant, number) < first_place(instant + 1)
    identity = uuid7(instant, number.to_bytes(10, "big"))
    assert id_instant(identity, -1) == instant
    assert first_id(instant) <= identity < first_id(instant + 1)
    assert id_instant("d-1", -1) == -1
