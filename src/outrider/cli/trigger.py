"""`outrider trigger EVENT`: send a sample, or your own payload, through a running Outrider."""

from __future__ import annotations

from typing import Any, BinaryIO

import click
import msgspec

from outrider import catalog
from outrider.catalog import Family
from outrider.cli.client import from_environment


@click.command()
@click.argument("event")
@click.option(
    "--data", type=click.File("rb"), help="Payload to send instead of the sample; - reads standard input."
)
@click.option("--count", default=1, show_default=True, type=click.IntRange(1, 1_000_000), help="How many to send.")
@click.option("--json", "as_json", is_flag=True, help="Print the accepted ids as JSON.")
def trigger(event: str, data: BinaryIO | None, count: int, as_json: bool) -> None:
    """Send EVENT (see `outrider events`) and print its id; the id finds it in the API."""
    kind = catalog.find(event)
    if kind is None or kind.family is Family.SYSTEM:
        raise click.ClickException(f"no event type {event!r} that producers may send; see: outrider events")
    payload: Any = msgspec.Raw(data.read()) if data else kind.sample()
    client = from_environment()
    accepted: list[Any] = []
    with click.progressbar(length=count, label="Sending", hidden=count < 1000 or as_json) as bar:
        for start in range(0, count, 1000):
            batch = [{"Event": kind.name, "Data": payload}] * min(1000, count - start)
            accepted += client.call("POST", "/v2/events", batch)["Data"]
            bar.update(len(batch))
    if as_json:
        click.echo(msgspec.json.encode(accepted).decode())
        return
    for one in accepted:
        click.echo(f"{one['Id']}  {one['Event']}")
