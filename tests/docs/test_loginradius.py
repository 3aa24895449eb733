"""`docs/loginradius.md` names the test of every behaviour; each of them exists."""

import ast
import re
from pathlib import Path

from outrider.api.codes import MESSAGES
from outrider.app.subscriptions import SPELLINGS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/loginradius.md").read_text()


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", PAGE))
    assert len(named) >= 40
    for file, name in sorted(named):
        tree = ast.parse((ROOT / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


def test_every_row_of_the_behaviours_names_a_test() -> None:
    table = PAGE.split("## What is compatible")[1].split("\n## ")[0]
    rows = [
        line
        for line in table.splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| behaviour"))
    ]
    assert len(rows) >= 40
    for row in rows:
        assert re.search(r"`tests/[\w/]+\.py::\w+`", row), row


def test_the_codes_and_spellings_are_the_codes() -> None:
    for code, message in MESSAGES.items():
        assert re.search(rf"^\|.*\b{code}\b.*\|", PAGE, re.MULTILINE), code
        assert message in PAGE, message
    assert " ".join(SPELLINGS) in " ".join(PAGE.split())
