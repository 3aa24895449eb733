"""What commands say to a person, in one place."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from outrider.app.bootstrap import FirstCredentials


def listening(address: Any, first: FirstCredentials | None, *, tls: bool) -> None:
    """Where we listen, and the first tenant's credentials once, when nobody chose them."""
    host, port = address[0], address[1]
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Outrider listens on {'https' if tls else 'http'}://{shown}:{port}")
    if first is not None and first.generated:
        click.echo("First start: these credentials are shown once, keep them.")
        click.echo(f"  apikey    {first.api_key}")
        click.echo(f"  apisecret {first.api_secret}")


def printable(text: str) -> str:
    """`text` from elsewhere, on one line and without characters that steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def delivery(row: dict[str, Any]) -> str:
    """One line."""
    return (
        f"{row['Id']}  {row['State']:<11} {row['Event']:<28} {row['WebhookName']:<24} "
        f"{row['Attempts']} attempts  {row['Reason'] or ''}"
    ).rstrip()
