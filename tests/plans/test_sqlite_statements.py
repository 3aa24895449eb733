"""Every statement of the SQLite store among a million rows, with and without statistics.

SQLite counts the steps of its virtual machine. What a row that is returned or changed may cost is the length of the
loops that bring it, in instructions; a row that is read in vain costs FEWEST_STEPS at least. Beside that SQLite
counts steps through whole tables, sorts, and rows put into indexes made for one statement: of those there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw
import pytest

from outrider.store.sqlite.database import PRAGMAS
from plans.million_sqlite import TENANTS, Million
from plans.sqlite_statements import STATEMENTS
from plans.statements import Entry, Measured, every, not_in_order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PACKAGE = "outrider.store.sqlite"
FEWEST_STEPS = 5
FEW = 100  # rows' worth: starting a statement, its seeks
NOBODY = "nobody"
TEXTS = every(PACKAGE)
MEASURED = [(file, name) for file, entries in STATEMENTS.items() for name in entries if name in TEXTS.get(file, ())]


def test_every_statement_has_an_entry() -> None:
    assert not_in_order(PACKAGE, STATEMENTS) == []


def test_a_statement_without_an_entry_is_told() -> None:
    entries: dict[str, dict[str, Entry]] = {**STATEMENTS, "book.sql": {"made_up": STATEMENTS["book.sql"]["tenant"]}}
    wrong = not_in_order(PACKAGE, entries)
    assert "book.sql: tenant has no entry in the table of statements" in wrong
    assert "book.sql: made_up is in the table of statements and in no file" in wrong


class Cost:
    """What SQLite counted while a statement ran."""

    def __init__(self, counters: dict[str, int], returned: int) -> None:
        self.steps = counters["SQLITE_STMTSTATUS_VM_STEP"]
        self.scanned = counters["SQLITE_STMTSTATUS_FULLSCAN_STEP"]
        self.sorts = counters["SQLITE_STMTSTATUS_SORT"]
        self.indexed = counters["SQLITE_STMTSTATUS_AUTOINDEX"]
        self.returned = returned


class Explained:
    """A connection of its own to the large store; what a statement changes is rolled back."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path)
        self._connection.execute(PRAGMAS["temporary"])
        self._connection.execute(PRAGMAS["cache"])
        self._connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._note)
        self._last: dict[str, int] = {}

    def _note(self, event: dict[str, Any]) -> None:
        self._last = event["stmt_status"]

    def run(self, text: str, given: Any, page: int) -> Cost:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            before = self._connection.total_changes()
            cursor = self._connection.cursor().execute(text, given, can_cache=False)
            rows = 0
            for _ in cursor:
                rows += 1
                if rows == page:
                    break
            cursor.close()
            counted = dict(self._last)
            return Cost(counted, max(rows, self._connection.total_changes() - before))
        finally:
            self._connection.execute("ROLLBACK")

    def plan(self, text: str, given: Any) -> list[str]:
        return [row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {text}", given)]

    def lengths(self, text: str, given: Any) -> tuple[int, int]:
        """Of the program, and of its outermost loops taken together; without any, the program is run once."""
        program: list[Any] = self._connection.execute(f"EXPLAIN {text}", given).fetchall()
        jumps = ("Next", "Prev", "VNext", "SorterNext", "Goto")
        loops = [(row[3], row[0]) for row in program if row[1] in jumps and 1 < row[3] < row[0]]
        outer = [(a, b) for a, b in loops if not any(c <= a and b <= d and (a, b) != (c, d) for c, d in loops)]
        return len(program), sum(end - start + 1 for start, end in outer) or len(program)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module", params=["without statistics", "with statistics"])
def explained(request: pytest.FixtureRequest, sqlite_million: Million) -> Iterator[Explained]:
    """Nothing of ours gathers statistics, but an owner may: ANALYZE."""
    path = sqlite_million.path
    if request.param == "with statistics":
        _execute(path, "ANALYZE")
    made = Explained(path)
    yield made
    made.close()
    if request.param == "with statistics":
        _execute(path, "DROP TABLE sqlite_stat1; DROP TABLE sqlite_stat4")


def _execute(path: str, statements: str) -> None:
    connection = apsw.Connection(path)
    connection.set_busy_timeout(5_000)
    connection.execute(statements).fetchall()
    connection.close()


@pytest.mark.parametrize(("file", "name"), MEASURED, ids=str)
def test_a_statement_reads_what_it_returns(explained: Explained, file: str, name: str) -> None:
    entry, text = STATEMENTS[file][name], TEXTS[file][name]
    if not isinstance(entry, Measured):
        return
    for tenant in (*TENANTS, NOBODY):
        for given in entry.given(tenant):
            told = (tenant, given, explained.plan(text, given))
            cost = explained.run(text, given, entry.page)
            program, each = explained.lengths(text, given)
            rows = max(cost.returned, entry.asked)
            in_vain = (cost.steps - program - each * rows) / FEWEST_STEPS
            assert in_vain <= 2 * rows + FEW, (in_vain, cost.steps, rows, told)
            assert cost.indexed == 0, told
            assert cost.sorts == 0 or entry.sorts, told
            assert cost.scanned <= rows or entry.scans, (cost.scanned, told)
