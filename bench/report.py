"""The result as a table, as JSON and as a chart."""

from __future__ import annotations

import html
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.scenarios import Line

_MARKS = {True: "met", False: "missed", None: ""}
_ROW, _LEFT, _BAR = 26, 330, 420


def table(lines: Sequence[Line]) -> None:
    shown = Table("scenario", "what", "figure", "goal", "")
    shown.columns[2].justify = "right"
    before = ""
    for line in lines:
        if before and before != line.scenario:
            shown.add_section()
        first = line.scenario if line.scenario != before else ""
        shown.add_row(first, line.what, f"{figure(line.value)} {line.unit}", line.goal, _MARKS[line.met])
        before = line.scenario
    Console(width=110).print(shown)


def figure(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def write(lines: Sequence[Line], folder: Path, note: str) -> None:
    """`results.json` and `results.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.system()}
    result = {"note": note, "machine": machine, "lines": lines}
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    (folder / "results.svg").write_text(chart(lines), encoding="utf-8")


def chart(lines: Sequence[Line]) -> str:
    """One bar a figure, to scale among the figures of its scenario and unit."""
    height = _ROW * (len(lines) + 1)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}" '
            'font-family="sans-serif" font-size="13">'
        )
    ]
    for number, line in enumerate(lines):
        most = max(other.value for other in lines if (other.scenario, other.unit) == (line.scenario, line.unit))
        width = _BAR * line.value / most if most else 0
        y = _ROW * (number + 1)
        colour = {True: "#2e7d32", False: "#c62828", None: "#5c6bc0"}[line.met]
        name = html.escape(f"{line.scenario}: {line.what}")
        goal = f" (goal {line.goal})" if line.goal else ""
        told = html.escape(f"{figure(line.value)} {line.unit}{goal}")
        parts.append(f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end">{name}</text>')
        parts.append(f'<rect x="{_LEFT}" y="{y - 13}" width="{width:.1f}" height="17" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + width + 6:.1f}" y="{y}">{told}</text>')
    return "\n".join([*parts, "</svg>\n"])
