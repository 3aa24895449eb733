"""`outrider keys`: scoped bearer keys of a running Outrider."""

from __future__ import annotations

import click
import msgspec

from outrider.app.access import Scope
from outrider.cli.client import from_environment

PATH = "/v2/manage/keys"


@click.group()
def keys() -> None:
    """Create, list and revoke bearer keys."""


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([str(scope) for scope in Scope]),
    help="Repeat for several.",
)
@click.option("--expires", help="ISO 8601 date; never when absent.")
def create(name: str, scopes: tuple[str, ...], expires: str | None) -> None:
    """Make a key called NAME; its token is printed once."""
    body = {"Name": name, "Scopes": scopes, "Expires": expires}
    made = from_environment().call("POST", PATH, body)
    click.echo(f"{made['Id']}  {made['Name']}")
    click.echo(made["Token"])


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(as_json: bool) -> None:
    """List keys; tokens are not stored, so they are not shown."""
    found = from_environment().call("GET", PATH)["Data"]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for key in found:
        click.echo(f"{key['Id']}  {key['Name']:<24} {','.join(key['Scopes'])}  expires {key['Expires'] or 'never'}")


@keys.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the key with this id, at once."""
    from_environment().call("DELETE", f"{PATH}/{key_id}")
    click.echo(f"{key_id} revoked")
