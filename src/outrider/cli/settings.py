"""`outrider settings`: a tenant's limits, on a running Outrider."""

from __future__ import annotations

import math
from typing import Any

import click

from outrider.cli import say
from outrider.cli.client import from_environment

PATH = "/v2/manage/settings"


@click.group()
def settings() -> None:
    """Show and set the tenant's limits."""


@settings.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Show the tenant's limits."""
    _print(from_environment().call("GET", PATH), as_json)


@settings.command("set")
@click.option("--webhooks-per-event", type=int, help="Most webhooks for one event type; LoginRadius has 5.")
@click.option(
    "--unique-target-url/--no-unique-target-url", default=None, help="Whether an event goes to a URL once only."
)
@click.option(
    "--loginradius-names/--no-loginradius-names", default=None, help="Whether names must follow LoginRadius' rules."
)
@click.option("--calls-per-second", metavar="NUMBER", help="Calls to the management API; none for no limit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def change(
    webhooks_per_event: int | None,
    unique_target_url: bool | None,
    loginradius_names: bool | None,
    calls_per_second: str | None,
    as_json: bool,
) -> None:
    """Change the limits that are given, keep the rest."""
    body: dict[str, Any] = {
        "WebhooksPerEvent": webhooks_per_event,
        "UniqueTargetUrl": unique_target_url,
        "LoginRadiusNames": loginradius_names,
    }
    named = {field: value for field, value in body.items() if value is not None}
    if calls_per_second is not None:
        named["CallsPerSecond"] = _rate(calls_per_second)
    if not named:
        raise click.UsageError("name at least one setting to change")
    _print(from_environment().call("PUT", PATH, named), as_json)


def _rate(text: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not math.isfinite(rate):
        raise click.BadParameter(f"expected a number or none, given {text}", param_hint="--calls-per-second")
    return rate


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say.json(found)
        return
    for field, value in found.items():
        click.echo(f"{field:<18} {'none' if value is None else value}")
