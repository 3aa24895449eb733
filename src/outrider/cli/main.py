"""`outrider`: the commands, and how their errors end the process."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from outrider import __version__
from outrider.cli.say import printable
from outrider.domain.errors import ConfigError, OutriderError, StoreAway

EX_TEMPFAIL = 75  # sysexits.h
EX_CONFIG = 78
COMMANDS = {
    "serve": "serve",
    "demo": "demo",
    "trigger": "trigger",
    "verify": "verify",
    "events": "events",
    "keys": "keys",
    "webhooks": "webhooks",
    "settings": "settings",
    "deliveries": "deliveries",
    "jobs": "jobs",
    "explain": "explain",
    "store": "store",
    "import": "imports",
}
"""By name, the module each is in, under the same name as the module."""


class Commands(click.Group):
    """Imports a command when it is asked for: half a second of server code is nothing to a command that lists."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"outrider.cli.{module}"), module)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="outrider")
def commands() -> None:
    """Outrider: signed, durable webhooks for identity events.

    Settings come from OUTRIDER_* environment variables; docs/settings.md lists them all. Commands that talk to
    a running Outrider use OUTRIDER_URL, OUTRIDER_API_KEY and OUTRIDER_API_SECRET.
    """


def main() -> None:
    """Run; settings that cannot be honoured exit 78, a store that did not come up in time 75, other errors of ours
    1."""
    try:
        commands(prog_name="outrider")
    except ConfigError as error:
        _tell(error)
        sys.exit(EX_TEMPFAIL if isinstance(error, StoreAway) else EX_CONFIG)
    except OutriderError as error:
        _tell(error)
        sys.exit(1)


def _tell(error: OutriderError) -> None:
    click.echo(f"outrider: {printable(str(error))}", err=True)
