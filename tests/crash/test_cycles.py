"""A few cycles of what `make crash` does two hundred times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crash import order
from crash.cycles import run


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_few_kills_lose_nothing(
    tmp_path: Path, authority: tuple[Path, Path], on: Callable[[], dict[str, str]]
) -> None:
    outcome = run(tmp_path, 3, 1, *authority, store=on())
    assert outcome.accepted > 0
    assert outcome.kept, outcome


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_order_survives_failures_and_kills(
    tmp_path: Path, authority: tuple[Path, Path], on: Callable[[], dict[str, str]]
) -> None:
    found = order.run(tmp_path, 3_000, 2, *authority, store=on())
    assert found.requests > 3_000
    assert (found.out_of_order, found.others_done) == (0, True)
