"""Loads named queries: each starts with a line `-- name: …` and runs to the next one."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load(package: str, file: str) -> dict[str, str]:
    """Query text by name, from `sql/<file>` inside `package`."""
    text = files(package).joinpath("sql", file).read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {name: query.strip().rstrip(";") for name, query in zip(parts[1::2], parts[2::2], strict=True)}
