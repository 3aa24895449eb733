"""`outrider`: the commands, and how their errors end the process."""

from __future__ import annotations

import sys

import click

from outrider import __version__
from outrider.cli.deliveries import deliveries
from outrider.cli.demo import demo
from outrider.cli.events import events
from outrider.cli.explain import explain
from outrider.cli.imports import imports
from outrider.cli.jobs import jobs
from outrider.cli.keys import keys
from outrider.cli.serve import serve
from outrider.cli.settings import settings
from outrider.cli.store import store
from outrider.cli.trigger import trigger
from outrider.cli.verify import verify
from outrider.cli.webhooks import webhooks
from outrider.domain.errors import ConfigError, OutriderError

EX_CONFIG = 78  # sysexits.h


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="outrider")
def commands() -> None:
    """Outrider: signed, durable webhooks for identity events.

    Settings come from OUTRIDER_* environment variables; docs/settings.md lists them all. Commands that talk to
    a running Outrider use OUTRIDER_URL, OUTRIDER_API_KEY and OUTRIDER_API_SECRET.
    """


for command in (
    serve, demo, trigger, verify, events, keys, webhooks, settings, deliveries, jobs, explain, store, imports,
):  # fmt: skip
    commands.add_command(command)


def main() -> None:
    """Run; settings that cannot be honoured exit 78, other errors of ours 1."""
    try:
        commands(prog_name="outrider")
    except ConfigError as error:
        click.echo(f"outrider: {error}", err=True)
        sys.exit(EX_CONFIG)
    except OutriderError as error:
        click.echo(f"outrider: {error}", err=True)
        sys.exit(1)
