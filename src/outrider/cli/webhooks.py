"""`outrider webhooks`: the webhooks of a running Outrider, and what an operator does to one at night."""

from __future__ import annotations

from typing import Any, BinaryIO

import click
import msgspec

from outrider.cli import say
from outrider.cli.client import from_environment
from outrider.domain.target import shown_url

PATH = "/v2/manage/webhooks"


@click.group()
def webhooks() -> None:
    """List, pause, resume and test webhooks."""


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_webhooks(as_json: bool) -> None:
    """List webhooks with the state of their receivers."""
    found = from_environment().call("GET", PATH)["Data"]
    if as_json:
        say.json(found)
        return
    for webhook in found:
        click.echo(
            f"{webhook['Id']}  {webhook['Name']:<24} {_state(webhook):<10} {shown_url(webhook['TargetUrl'])}  "
            f"{','.join(webhook['Events'])}"
        )


@webhooks.command("pause")
@click.argument("webhook_id")
def pause(webhook_id: str) -> None:
    """Send nothing; what the webhook is owed waits."""
    click.echo(f"{webhook_id} {_state(from_environment().call('POST', f'{PATH}/{webhook_id}/pause'))}")


@webhooks.command("resume")
@click.argument("webhook_id")
def resume(webhook_id: str) -> None:
    """Send again, what has waited first."""
    click.echo(f"{webhook_id} {_state(from_environment().call('POST', f'{PATH}/{webhook_id}/resume'))}")


@webhooks.command("test")
@click.argument("webhook_id")
@click.option("--event", help="An event type; the webhook's first one when absent.")
@click.option("--data", type=click.File("rb"), help="Payload instead of the sample; - reads standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(webhook_id: str, event: str | None, data: BinaryIO | None, as_json: bool) -> None:
    """Send one sample now and show the answer; exits 1 unless it was delivered."""
    body = {"Event": event, "Data": msgspec.Raw(data.read()) if data else None}
    trial = from_environment().call("POST", f"{PATH}/{webhook_id}/test", body)
    if as_json:
        say.json(trial)
    else:
        attempt = trial["Attempt"]
        click.echo(f"{trial['Reason']} from {attempt['Url']} in {attempt['Duration']['Total']:.0f} ms")
        click.echo(attempt["Detail"] or attempt["Answer"])
    if not trial["Delivered"]:
        raise SystemExit(1)


def _state(webhook: dict[str, Any]) -> str:
    if not webhook["Enabled"]:
        return "paused"
    circuit: str = webhook["Circuit"]["State"]
    return "well" if circuit == "closed" else circuit
