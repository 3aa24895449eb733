"""`outrider explain`: why an event was or was not sent."""

from __future__ import annotations

from urllib.parse import urlencode

import click

from outrider.cli import say
from outrider.cli.client import from_environment


@click.command()
@click.argument("event_id")
@click.option("--webhook", help="A webhook's id; all of them when absent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(event_id: str, webhook: str | None, as_json: bool) -> None:
    """Say why EVENT_ID was or was not sent to each webhook."""
    query = f"?{urlencode({'webhook': webhook})}" if webhook else ""
    found = from_environment().call("GET", f"/v2/manage/events/{event_id}/explain{query}")["Data"]
    if as_json:
        say.json(found)
        return
    for one in found:
        click.echo(f"{one['WebhookId']}  {one['WebhookName']:<24} {one['Because']:<15} {one['Explanation']}")
