"""Every statement of the PostgreSQL store among a million rows, with statistics and as if there had never been any.

Rows are counted where tables are read, by `EXPLAIN ANALYZE`. An index that has to be walked for its entries returns
few rows and reads many blocks all the same, so these are counted as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from plans.explained import FORGET, scans_of
from plans.million_postgres import Million
from plans.postgres_statements import STATEMENTS
from plans.statements import Measured, every, not_in_order

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PACKAGE = "outrider.store.postgres"
FEW = 50
BLOCKS = 6  # for a row that is read, and for looking for one: the levels of an index, and the table
WRITTEN = 50  # for one that is written: the same for ten indexes, and room for new versions
FEW_BLOCKS = 50
SORTED = 50
TENANTS = ("big", "middle", "small", "empty")
EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON)"
TEXTS = every(PACKAGE)
MEASURED = [(file, name) for file, entries in STATEMENTS.items() for name in entries if name in TEXTS.get(file, ())]


def test_every_statement_has_an_entry() -> None:
    assert not_in_order(PACKAGE, STATEMENTS) == []


@pytest.fixture(scope="module")
def million(postgres_million: Million) -> Million:
    postgres_million.clear_away()
    return postgres_million


def explain(
    million: Million, text: str, runs: Sequence[tuple[Any, ...]], *, statistics: bool
) -> list[dict[str, Any]]:
    """The plan of each run as it ran; what it changed is rolled back."""

    async def work(connection: Any) -> list[str]:
        transaction, plans = connection.transaction(), []
        await transaction.start()
        try:
            if not statistics:
                await connection.execute(FORGET)
            for given in runs:
                await connection.execute("SAVEPOINT run")
                plans.append(await connection.fetchval(f"{EXPLAIN} {text}", *given))
                await connection.execute("ROLLBACK TO SAVEPOINT run; RELEASE SAVEPOINT run")
        finally:
            await transaction.rollback()
        return plans

    return [json.loads(plan)[0]["Plan"] for plan in million.run(million.plain.run(work, limit_s=60))]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def changed(plan: dict[str, Any]) -> float:
    """How many rows a plan writes."""
    return sum(
        child["Actual Rows"] * child["Actual Loops"]
        for node in nodes(plan)
        if node["Node Type"] == "ModifyTable"
        for child in node.get("Plans", ())
        if child.get("Parent Relationship") == "Outer"
    )


@pytest.mark.parametrize("statistics", [True, False], ids=["with statistics", "without statistics"])
@pytest.mark.parametrize(("file", "name"), MEASURED, ids=str)
def test_a_statement_reads_what_it_returns(million: Million, file: str, name: str, *, statistics: bool) -> None:
    entry, text = STATEMENTS[file][name], TEXTS[file][name]
    if not isinstance(entry, Measured):
        return
    if not statistics and not million.superuser:
        pytest.skip("only a superuser can take statistics away")
    runs = list({repr(given): given for tenant in TENANTS for given in entry.given(million.facts, tenant)}.values())
    for given, plan in zip(runs, explain(million, text, runs, statistics=statistics), strict=True):
        rows = max(plan["Actual Rows"], changed(plan), entry.asked)
        read = sum(scan.rows for scan in scans_of(plan) if not scan.table.startswith("pg_"))
        blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        sorted_rows = sum(n["Actual Rows"] * n["Actual Loops"] for n in nodes(plan) if n["Node Type"] == "Sort")
        told = (given, rows, read, blocks, json.dumps(plan))
        assert read <= 3 * rows + FEW, told
        looks = [
            node["Actual Loops"] for node in nodes(plan) if "Relation Name" in node and "Scan" in node["Node Type"]
        ]
        assert sum(looks) <= len(looks) * (rows + FEW), told
        most = BLOCKS * (read + sum(looks)) + WRITTEN * changed(plan) + FEW_BLOCKS
        assert blocks <= most, (most, told)
        assert sorted_rows <= SORTED or entry.sorts, told
