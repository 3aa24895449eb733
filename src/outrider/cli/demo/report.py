"""The live table, and the report at the end."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from outrider.cli.demo.scenario import FLAKY_FAILURES


class Seen(msgspec.Struct):
    """What the receiver told so far: requests per path and event id, and what did not verify."""

    requests: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    arrived: dict[tuple[str, str], str] = msgspec.field(default_factory=dict)
    faults: list[str] = msgspec.field(default_factory=list)

    def note(self, report: dict[str, Any]) -> None:
        place = (report["path"], report["id"])
        self.requests[place] = self.requests.get(place, 0) + 1
        if report["accepted"]:
            self.arrived[place] = report["event"]
        self.faults += [f"{report['event']} at {report['path']}: {fault}" for fault in report["faults"]]

    def arrivals(self, path: str) -> int:
        return sum(1 for at, _ in self.arrived if at == path)


class Expected(msgspec.Struct, frozen=True):
    """Ids the receiver must see: the samples, and the one that survives its operation."""

    samples: list[str]
    deletion: str

    def complete(self, seen: Seen) -> bool:
        got = {event for path, event in seen.arrived if path in ("/ciam", "/partner")}
        return (
            set(self.samples) <= got
            and self.deletion in got
            and all(seen.arrivals(p) for p in ("/system", "/flaky"))
        )


def table(seen: Seen, seconds: float) -> Table:
    shown = Table(title=f"Receiver, after {seconds:.1f} s")
    for column in ("webhook", "requests", "arrived", "not verified"):
        shown.add_column(column, justify="left" if column == "webhook" else "right")
    for path in ("/ciam", "/partner", "/system", "/flaky"):
        requests = sum(count for (at, _), count in seen.requests.items() if at == path)
        bad = sum(1 for fault in seen.faults if f" at {path}:" in fault)
        shown.add_row(path.strip("/"), str(requests), str(seen.arrivals(path)), str(bad))
    return shown


def print_report(console: Console, expected: Expected, seen: Seen, absorbed: list[dict[str, Any]]) -> bool:
    """The summary; True when everything is as it has to be."""
    arrived = [e for e in expected.samples if any(event == e for _, event in seen.arrived)]
    tries = max((n for (path, _), n in seen.requests.items() if path == "/flaky"), default=0)
    checks = {
        f"{len(arrived)} of {len(expected.samples)} CIAM and Partner IAM events delivered": (
            len(arrived) == len(expected.samples) == 44
        ),
        f"{len(seen.arrived)} arrivals, {len(seen.faults)} not verified": bool(seen.arrived) and not seen.faults,
        f"failing receiver recovered on request {tries}": tries == FLAKY_FAILURES + 1
        and seen.arrivals("/flaky") >= 1,
        f"deleted organization: 1 event sent, {len(absorbed)} absorbed": len(absorbed) == 8,
    }
    for text, good in checks.items():
        console.print(f"[green]✓[/] {text}" if good else f"[red]✗[/] {text}")
    for event in absorbed:
        console.print(f"    {event['Event']:<22} {event['Skipped'][0]['Reason']}: {event['Skipped'][0]['Detail']}")
    for fault in seen.faults[:10]:
        console.print(f"[red]not verified:[/] {fault}")
    return all(checks.values())
