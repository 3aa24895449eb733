"""`outrider import`: take over the webhooks of another platform."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from outrider.cli.client import Client, RefusedError, from_environment
from outrider.cli.loginradius import report
from outrider.cli.loginradius.patience import Patience
from outrider.cli.loginradius.plan import Action, Here, Step, plan
from outrider.cli.loginradius.site import Site

PATH = "/v2/manage/webhooks"
EX_LEFT = 3  # something is left for a human
_CREDENTIAL = re.compile(r"[\x21-\x7e]+")


@click.group("import")
def imports() -> None:
    """Take over the webhooks of another platform."""


@imports.command("loginradius")
@click.option("--host", default="https://api.loginradius.com", show_default=True, help="The site's API.")
@click.option("--create", is_flag=True, help="Create what is missing; without it nothing is changed.")
@click.option("--with-connectors", is_flag=True, help="Also the webhooks of LoginRadius' own connectors.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificates to trust the host by, in PEM.",
)
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=30.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def loginradius(
    context: click.Context,
    *,
    host: str,
    create: bool,
    with_connectors: bool,
    ca_file: Path | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Show what moving a LoginRadius site's webhooks in takes, and with --create do it.

    The site's credentials are read from LOGINRADIUS_API_KEY and LOGINRADIUS_API_SECRET. Exits 0 when nothing is
    left for you, 3 when something is, 1 when it failed. Run again, it creates nothing twice.
    """
    client, patience = from_environment(), Patience(lambda told: click.echo(told, err=True))
    key, secret = _credentials()
    site = Site(host, key, secret, ca_file=ca_file, timeout=timeout, patience=patience)
    steps = plan(
        site.webhooks(),
        _here(client, patience, secret),
        with_connectors=with_connectors,
        placeholder=lambda: secrets.token_urlsafe(32),
    )
    failed = _create(client, patience, steps) if create else None
    if as_json:
        report.json(steps, created=create)
    else:
        report.text(steps, site.url, created=create)
    if failed is not None:
        raise click.ClickException(f"{failed.format_message()}; what is created stays, run it again to go on")
    context.exit(EX_LEFT if any(step.for_human for step in steps) else 0)


def _credentials() -> tuple[str, str]:
    names = ("LOGINRADIUS_API_KEY", "LOGINRADIUS_API_SECRET")
    found = [os.environ.get(name, "") for name in names]
    if wrong := [name for name, value in zip(names, found, strict=True) if not _CREDENTIAL.fullmatch(value)]:
        raise click.ClickException(f"set {' and '.join(wrong)} to the site's credentials, visible ASCII characters")
    return found[0], found[1]


def _here(client: Client, patience: Patience, site_secret: str) -> Here:
    settings = _call(client, patience, "GET", "/v2/manage/settings")
    return Here(
        webhooks=_call(client, patience, "GET", PATH)["Data"],
        secrets=[secret["Name"] for secret in _call(client, patience, "GET", "/v2/manage/secrets")["Data"]],
        per_event=settings["WebhooksPerEvent"],
        unique_url=settings["UniqueTargetUrl"],
        loginradius_names=settings["LoginRadiusNames"],
        same_secret=hmac.compare_digest(os.environ["OUTRIDER_API_SECRET"].encode(), site_secret.encode()),
    )


def _create(client: Client, patience: Patience, steps: list[Step]) -> click.ClickException | None:
    """Create what `steps` plan, noting in them what came of it; the fault that ended it early, if one did."""
    for index, step in enumerate(steps):
        if step.body is None:
            continue
        try:
            made = _call(client, patience, "POST", PATH, step.body)
        except RefusedError as error:
            if error.status == 401 or error.status >= 500:
                return error
            steps[index] = replace(step, action=Action.REFUSE, reason=error.format_message(), needs=(), body=None)
        except click.ClickException as error:
            return error
        else:
            steps[index] = replace(step, webhook=made["Id"])
    return None


def _call(client: Client, patience: Patience, method: str, path: str, body: Any = None) -> Any:
    while True:
        try:
            return client.call(method, path, body)
        except RefusedError as error:
            if error.status != 429:
                raise
            patience.wait("Outrider", error.retry_after)
