"""What every statement of a store has to have: parameters it is measured with, or a reason why it is not.

CONTRIBUTING.md ("Add a statement") says how to write an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import msgspec

from outrider.store.queries import load


class Measured(msgspec.Struct, frozen=True):
    """A statement that reads what it returns, among a million rows.

    `given` makes the parameters to run it with, for a tenant. It may read as much as it returns or changes, or as
    `asked` says: so many things are named in its parameters. No more than `page` rows are taken from it.
    `sorts` and `scans` say why it may sort, or read a table from end to end, and what bounds that.
    """

    given: Callable[[str], Iterable[Any]]
    asked: int = 1
    page: int = 100
    sorts: str = ""
    scans: str = ""


class Argued(msgspec.Struct, frozen=True):
    """A statement that is not measured, and why."""

    why: str


Entry = Measured | Argued
WHOLE = Argued("moves or compares a whole store, which nobody serves meanwhile")
SETTING = Argued("a setting of a connection or a fact of the server; reads no table")
DDL = Argued("makes or takes away a table")
LOCK = Argued("takes a lock; reads no table")


def every(package: str) -> dict[str, dict[str, str]]:
    """The text of every statement by file and name, from all `.sql` files the store has."""
    folder = files(package).joinpath("sql")
    return {file.name: load(package, file.name) for file in folder.iterdir() if file.name.endswith(".sql")}


def not_in_order(package: str, table: dict[str, dict[str, Entry]]) -> list[str]:
    """Statements without an entry, entries without a statement, and arguments that say nothing."""
    there = {f"{file}: {name}" for file, statements in every(package).items() for name in statements}
    known = {f"{file}: {name}": entry for file, entries in table.items() for name, entry in entries.items()}
    wrong = [f"{name} has no entry in the table of statements" for name in sorted(there - set(known))]
    wrong += [f"{name} is in the table of statements and in no file" for name in sorted(set(known) - there)]
    return wrong + [f"{n} has no reason" for n, e in known.items() if isinstance(e, Argued) and len(e.why) < 20]
