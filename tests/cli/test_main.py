"""The table of commands."""

import subprocess
import sys

import click
import pytest

from outrider.cli.main import COMMANDS, commands

CONTEXT = click.Context(commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says(name: str) -> None:
    command = commands.get_command(CONTEXT, name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str()


def test_help_lists_them_all() -> None:
    with CONTEXT:
        shown = commands.get_help(CONTEXT)
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_commands_that_only_ask_import_no_server() -> None:
    asks = "import sys; from outrider.cli import deliveries; sys.exit('outrider.api.app' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
    serves = "import sys; from outrider.cli import serve; sys.exit('outrider.api.app' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", serves], check=False).returncode == 1
