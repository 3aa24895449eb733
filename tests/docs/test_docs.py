"""The documentation is true: paths exist, tables are the code's, code blocks run."""

import ast
import json
import re
from pathlib import Path

import pytest

from outrider import config
from outrider.cli.main import COMMANDS
from outrider.domain.delivery import TRANSITIONS
from outrider.domain.redaction import PLAIN_NAMES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(language, code, id=f"{page.name}-{number}-{language}")
    for page in PAGES
    for number, (language, code) in enumerate(BLOCK.findall(page.read_text()))
]


def test_the_path_of_one_event_is_real() -> None:
    named = re.findall(r"`(src/outrider/[\w/]+\.py)` `(\w+)`", (ROOT / "docs/architecture.md").read_text())
    assert len(named) >= 15
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, kinds)}, (file, name)


def test_the_state_machines_table_is_the_codes() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rows = [f"| {outcome} | {'yes' if left else 'no'} | {line} |" for (outcome, left), line in TRANSITIONS.items()]
    assert "\n".join(rows) in page


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    documented = dict(re.findall(r"^\| `(OUTRIDER_\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert set(documented) == set(config._READERS)
    defaults = config.Config()
    for variable, shown in documented.items():
        value = getattr(defaults, variable.removeprefix("OUTRIDER_").lower())
        if shown.startswith("`"):
            assert shown.strip("`") == str(value), variable


def test_the_names_that_are_shown_are_documented() -> None:
    page = (ROOT / "docs/api.md").read_text()
    (documented,) = re.findall(r"^in any case: `([^`]+)`", page, re.MULTILINE)
    assert documented.split() == sorted(PLAIN_NAMES)


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_code_blocks_hold(language: str, code: str) -> None:
    if language == "python":
        exec(compile(code, "<docs>", "exec"), {"__name__": "docs"})  # noqa: S102 - our own documentation
    elif language == "json":
        assert json.loads(code)
    else:
        assert language == "sh"
        for command in re.findall(r"^(?:make|outrider) (\w+)", code, re.MULTILINE):
            makefile = (ROOT / "Makefile").read_text()
            assert f"\n{command}:" in makefile or command in COMMANDS


def test_sql_lives_in_sql_files() -> None:
    verbs = re.compile(r"[\"'](?:SELECT|INSERT INTO|UPDATE|DELETE FROM) ")
    guilty = [str(p) for p in (ROOT / "src").rglob("*.py") if verbs.search(p.read_text())]
    assert guilty == []


def test_files_stay_short() -> None:
    long = {str(p): n for p in (ROOT / "src").rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}
