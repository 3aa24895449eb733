"""`outrider events`: the catalogue, offline."""

from __future__ import annotations

import click
import msgspec

from outrider import catalog


@click.command()
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="With NAME: print the payload's JSON Schema instead of a sample.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def events(name: str | None, schema: bool, as_json: bool) -> None:
    """List the event types, or show the sample payload of NAME."""
    if name is None:
        _list(as_json)
        return
    kind = catalog.find(name)
    if kind is None:
        raise click.ClickException(f"no event type {name!r}; see: outrider events")
    shown = kind.schema() if schema else kind.sample()
    if not as_json:
        click.echo(f"{kind.name} ({kind.family}): {kind.description}", err=True)
    click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())


def _list(as_json: bool) -> None:
    kinds = catalog.all_types()
    if as_json:
        listed = [{"Name": k.name, "Family": k.family, "Description": k.description} for k in kinds]
        click.echo(msgspec.json.encode(listed).decode())
        return
    for kind in kinds:
        click.echo(f"{kind.family:<11} {kind.name:<28} {kind.description}")
