"""`outrider jobs`: sending again, or late, what a selection of the past holds."""

from __future__ import annotations

import time
from typing import Any, BinaryIO

import click
import msgspec

from outrider.cli import say
from outrider.cli.client import from_environment

PATH = "/v2/manage/jobs"
KINDS = {
    "retry-failed": "retry_failed",
    "send-missed": "send_missed",
    "replay": "replay",
}
POLL_S = 0.5


@click.group()
def jobs() -> None:
    """Start, watch and cancel recovery jobs."""


@jobs.command("start")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("webhook_id")
@click.option("--since", help="ISO 8601 date with offset, inclusive.")
@click.option("--until", help="ISO 8601 date with offset, exclusive.")
@click.option("--event", "events", multiple=True, help="An event type; repeat for several.")
@click.option("--subject", help="Only events about this Uid or OrgId.")
@click.option("--filter", "chosen", type=click.File("rb"), help="A file with a filter; - reads standard input.")
@click.option("--dry-run", is_flag=True, help="Only count, and show examples.")
@click.option("--wait", is_flag=True, help="Return when the job has ended.")
def start(
    *,
    kind: str,
    webhook_id: str,
    since: str | None,
    until: str | None,
    events: tuple[str, ...],
    subject: str | None,
    chosen: BinaryIO | None,
    dry_run: bool,
    wait: bool,
) -> None:
    """Send WEBHOOK_ID again what failed, what it missed, or a part of the past."""
    body = {
        "Kind": KINDS[kind],
        "WebhookId": webhook_id,
        "Since": since,
        "Until": until,
        "Events": list(events) or None,
        "Subject": subject,
        "Filter": msgspec.Raw(chosen.read()) if chosen else None,
        "DryRun": dry_run,
    }
    answer = from_environment().call("POST", PATH, body)
    if dry_run:
        _preview(answer)
    else:
        _told(_ended(answer["Id"]) if wait else answer)


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_jobs(as_json: bool) -> None:
    """List the newest jobs."""
    found = from_environment().call("GET", PATH)["Data"]
    if as_json:
        say.json(found)
        return
    for job in found:
        _told(job)


@jobs.command("show")
@click.argument("job_id")
def show(job_id: str) -> None:
    """Print one job as JSON."""
    say.json(from_environment().call("GET", f"{PATH}/{job_id}"))


@jobs.command("cancel")
@click.argument("job_id")
def cancel(job_id: str) -> None:
    """Make no further deliveries; those made stay."""
    _told(from_environment().call("POST", f"{PATH}/{job_id}/cancel"))


def _ended(job: str) -> Any:
    client = from_environment()
    while (found := client.call("GET", f"{PATH}/{job}"))["State"] == "running":
        time.sleep(POLL_S)
    return found


def _told(job: dict[str, Any]) -> None:
    click.echo(
        f"{job['Id']}  {job['Kind']:<12} {job['State']:<9} {job['Progress']:>4.0%}  {job['Made']} deliveries"
    )


def _preview(found: dict[str, Any]) -> None:
    more = "" if found["Complete"] else " (there is more than could be counted quickly)"
    click.echo(f"{found['Matched']} of {found['Scanned']} events would be sent{more}")
    for event in found["Examples"]:
        click.echo(f"{event['Id']}  {event['Event']:<28} {event['AcceptedDate']}")
