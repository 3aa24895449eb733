"""`outrider verify`: check a received body and its headers, the way a receiver should."""

from __future__ import annotations

import hmac
import sys
import time
from typing import BinaryIO

import click

from outrider.domain.signing import loginradius_signature, standard_signature


@click.command()
@click.argument("body", type=click.File("rb"))
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A received header; repeat."
)
@click.option(
    "--secret", envvar="OUTRIDER_SIGNING_SECRET", help="The secret; better given in OUTRIDER_SIGNING_SECRET."
)
@click.option(
    "--tolerance", default=300, show_default=True, help="Seconds webhook-timestamp may be off; 0 for any."
)
def verify(body: BinaryIO, headers: tuple[str, ...], secret: str | None, tolerance: int) -> None:
    """Verify BODY (a file, or - for standard input) exactly as received; exit 0 only if all holds."""
    if not secret:
        raise click.ClickException("give the secret in OUTRIDER_SIGNING_SECRET or by --secret")
    content = body.read()
    received = dict(_parsed(header) for header in headers)
    checks = {
        "signature": _loginradius(content, received, secret),
        "webhook-signature": _standard(content, received, secret, tolerance),
    }
    found = {name: fault for name, fault in checks.items() if name in received}
    if not found:
        raise click.ClickException("no signature or webhook-signature header given; pass them with -H")
    for name, fault in found.items():
        click.echo(f"{name}: {fault or 'valid'}")
    sys.exit(1 if any(found.values()) else 0)


def _parsed(header: str) -> tuple[str, str]:
    name, sign, value = header.partition(":")
    if not sign:
        raise click.ClickException(f"expected 'Name: value', given {name[:40]!r}")
    return name.strip().lower(), value.strip()


def _loginradius(body: bytes, headers: dict[str, str], secret: str) -> str | None:
    given = headers.get("signature", "")
    if hmac.compare_digest(loginradius_signature(secret, body).encode(), given.encode()):
        return None
    return "does not match: another secret, or the body is not byte for byte what was sent"


def _standard(body: bytes, headers: dict[str, str], secret: str, tolerance: int) -> str | None:
    if not headers.get("webhook-id") or not headers.get("webhook-timestamp", "").isdigit():
        return "webhook-id or webhook-timestamp is missing or malformed"
    timestamp = int(headers["webhook-timestamp"])
    if tolerance and abs(time.time() - timestamp) > tolerance:
        return f"webhook-timestamp is more than {tolerance} s away from now"
    expected = standard_signature([secret], headers["webhook-id"], timestamp, body).encode()
    tokens = headers.get("webhook-signature", "").encode().split()
    if any(hmac.compare_digest(expected, token) for token in tokens):
        return None
    return "does not match: another secret, or id, timestamp or body were changed"
