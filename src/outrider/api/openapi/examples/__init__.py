"""Examples of every call: a request, and what it was answered. Tests send each of them to a served Outrider.

One file for each tag, `{operationId: {name: example}}`. In the document, an example has the same name in its
parameters, its body and its answer.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request and its answer; `parameters` are of the path, the query and the headers, by name."""

    summary: str
    status: int
    answer: Any
    parameters: dict[str, Any] = {}
    body: Any = None

    @property
    def succeeds(self) -> bool:
        return self.status < 300


@cache
def every() -> dict[str, dict[str, Example]]:
    """The examples of all calls, by operation id and name."""
    found: dict[str, dict[str, Example]] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            found |= msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, Example]])
    return found
