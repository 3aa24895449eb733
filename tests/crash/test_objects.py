"""A few cycles of what `make crash` does two hundred times, and whether the comparison would find a fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from crash.objects import Kept, Told, faults, run

HISTORY = [
    Told("create", "a", {"made": "1"}, "t1"),
    Told("update", "a", {"made": "1", "f0": "2"}, "t2"),
    Told("create", "b", {"made": "3"}, "t3"),
    Told("update", "a", {"made": "1", "f0": "4"}, "t4"),
    Told("delete", "b", {"made": "3"}, "t3"),
]
KEPT = [Kept("a", 3, {"made": "1", "f0": "4"}, "t4")]
ANSWERED = [HISTORY[0], HISTORY[3], Told("delete", "b", {}, "")]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_few_kills_part_no_event_from_its_change(
    tmp_path: Path, authority: tuple[Path, Path], on: Callable[[], dict[str, str]]
) -> None:
    outcome = run(tmp_path, 3, 1, *authority, store=on())
    assert outcome.answered > 50
    assert outcome.events >= outcome.answered
    assert outcome.kept, outcome


def test_what_adds_up_has_no_faults() -> None:
    assert faults(KEPT, HISTORY, ANSWERED) == []


@pytest.mark.parametrize(
    ("kept", "told", "answered"),
    [
        (KEPT, HISTORY[:3] + HISTORY[4:], ANSWERED[:1]),  # a change without its event
        ([*KEPT, Kept("c", 1, {}, "t")], HISTORY, []),  # a record nobody was told of
        (KEPT, [*HISTORY, Told("create", "c", {}, "t")], []),  # an event without its change
        (KEPT, [*HISTORY, Told("update", "a", {"made": "1", "f0": "5"}, "t5")], []),
        (KEPT, [*HISTORY, Told("delete", "a", {"made": "1", "f0": "4"}, "t4")], []),
        ([], HISTORY, []),  # gone without a deletion
        ([*KEPT, Kept("b", 1, {"made": "3"}, "t3")], HISTORY, []),  # there in spite of its deletion
        ([msgspec.structs.replace(KEPT[0], content={"made": "1", "f0": "2"})], HISTORY, []),
        ([msgspec.structs.replace(KEPT[0], modified="t9")], HISTORY, []),
        (KEPT, HISTORY, [Told("update", "a", {"made": "1", "f0": "9"}, "t9")]),  # answered and lost
        (KEPT, HISTORY, [Told("delete", "a", {}, "")]),
        (
            [Kept("a", 3, {"made": "1", "f1": "4"}, "t4")],  # the second update did not see the first
            [HISTORY[0], HISTORY[1], Told("update", "a", {"made": "1", "f1": "4"}, "t4")],
            [],
        ),
        (KEPT, [*HISTORY[1:], HISTORY[0]], []),  # out of order
    ],
)
def test_each_planted_fault_is_found(kept: list[Kept], told: list[Told], answered: list[Told]) -> None:
    assert faults(kept, told, answered)
