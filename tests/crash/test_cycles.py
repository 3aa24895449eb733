"""A few cycles of what `make crash` does two hundred times."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.cycles import run


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_few_kills_lose_nothing(tmp_path: Path, authority: tuple[Path, Path]) -> None:
    outcome = run(tmp_path, 4, 1, *authority)
    assert outcome.accepted > 0
    assert outcome.kept, outcome
