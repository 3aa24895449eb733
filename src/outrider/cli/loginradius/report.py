"""What `outrider import` says: every webhook of the site, what is left for a human, and how to end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from outrider.cli import say
from outrider.cli.loginradius.plan import Action, Step
from outrider.cli.say import printable
from outrider.domain.target import shown_url

_DONE = {Action.CREATE: "created", Action.DISABLED: "created disabled"}


def text(steps: Sequence[Step], site: str, *, created: bool) -> None:
    """For people."""
    click.echo(f"{len(steps)} webhooks at {site}")
    for step in steps:
        _line(step)
    unknown = sorted({name for step in steps for name in step.unknown})
    if unknown:
        click.echo(f"Not moved, because LoginRadius' contract does not have them: {printable(', '.join(unknown))}")
    left = [step for step in steps if step.for_human]
    if left:
        click.echo("\nLeft for you:")
    for step in left:
        _for_human(step)
    counts = Counter(_action(step) for step in steps)
    summary = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing to move"
    click.echo(f"\n{summary}; {len(left)} left for you")
    if not created and any(step.body for step in steps):
        click.echo("Nothing was created; --create does it.")


def json(steps: Sequence[Step], *, created: bool) -> None:
    """For programs."""
    say.json({"Created": created, "ForHuman": sum(s.for_human for s in steps), "Data": [_shown(s) for s in steps]})


def _action(step: Step) -> str:
    return _DONE.get(step.action, str(step.action)) if step.webhook else str(step.action)


def _line(step: Step) -> None:
    action, name = _action(step), printable(step.name) or "(no name)"
    click.echo(f"  {action:<16}  {name:<24}  {printable(step.event):<20}  {printable(shown_url(step.url))}")
    for told in (step.reason, *step.notes):
        if told:
            click.echo(f"{'':<20}{printable(told)}")


def _for_human(step: Step) -> None:
    name = printable(step.name) or f"the webhook {printable(step.site_id)}"
    if step.action is Action.REFUSE:
        click.echo(f"  {name} is not here: {printable(step.reason)}")
        return
    where = step.webhook or "not created yet"
    waits = "; it keeps what it is owed until you enable it" if step.action is Action.DISABLED else ""
    click.echo(f"  {name} ({where}){waits}")
    for need in step.needs:
        click.echo(f"    - {printable(need.what)}")
    if step.update:
        update = msgspec.json.encode(step.update).decode()
        click.echo(f"    then PUT /v2/manage/webhooks/{step.webhook or '{Id}'} {printable(update)}")


def _shown(step: Step) -> dict[str, Any]:
    return {
        "Action": _action(step),
        "Name": step.name,
        "Event": step.event,
        "TargetUrl": printable(shown_url(step.url)),
        "SiteId": step.site_id,
        "Id": step.webhook,
        "Reason": step.reason or None,
        "Notes": step.notes,
        "ForHuman": step.for_human,
        "Needs": [need.what for need in step.needs],
        "Update": step.update or None,
        "NotMoved": step.unknown,
    }
