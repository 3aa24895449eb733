"""`outrider deliveries`: what became of events, and sending again."""

from __future__ import annotations

from urllib.parse import urlencode

import click

from outrider.cli import say
from outrider.cli.client import from_environment

PATH = "/v2/manage/deliveries"


@click.group()
def deliveries() -> None:
    """List deliveries, show one, send one again."""


@deliveries.command("list")
@click.option("--state", type=click.Choice(["waiting", "quarantined", "delivered", "exhausted", "cancelled"]))
@click.option("--webhook", help="A webhook's id.")
@click.option("--event-id", "eventid", help="An event's id.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_deliveries(state: str | None, webhook: str | None, eventid: str | None, limit: int, as_json: bool) -> None:
    """List the newest deliveries."""
    given = {"state": state, "webhook": webhook, "eventid": eventid, "limit": limit}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    found = from_environment().call("GET", f"{PATH}?{query}")
    if as_json:
        say.json(found["Data"])
        return
    for row in found["Data"]:
        click.echo(say.delivery(row))
    if found["Next"]:
        click.echo(f"There are more than these {limit}.", err=True)


@deliveries.command("show")
@click.argument("delivery_id")
def show(delivery_id: str) -> None:
    """Print everything the ledger has on one delivery, as JSON."""
    say.json(from_environment().call("GET", f"{PATH}/{delivery_id}"))


@deliveries.command("resend")
@click.argument("delivery_id")
def resend(delivery_id: str) -> None:
    """Send it again: one that waits becomes due now, one that ended gets a successor."""
    click.echo(say.delivery(from_environment().call("POST", f"{PATH}/{delivery_id}/resend")))
