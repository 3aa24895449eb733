"""The instruments: floor, ours and naive deliver what they are given; reports say what was found."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from bench import report
from bench.common import percentiles
from bench.parts import Bench, System, bench, until
from bench.scenarios import Line, throughput
from bench.tenants import add_tenant

LINES = [Line("single", "floor", 12_000, "events/s"), Line("single", "a & b", 0.5, "×", "≥ 0.6", met=False)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["floor", "naive", "outrider"])
def test_what_is_measured_delivers(tmp_path: Path, name: str) -> None:
    with bench(tmp_path) as made, ExitStack() as stack:
        rate, cost = throughput(made, started(made, stack, name), 300, 1)
        assert made.receiver.ask("count")["distinct"] == 0  # reset for the next
    assert rate > 0
    assert cost >= 0


def started(made: Bench, stack: ExitStack, name: str) -> System:
    if name != "outrider":
        return stack.enter_context(made.plain(name))
    system = stack.enter_context(made.outrider())
    system.hook(made.receiver.url("/ok/a"))
    return system


@pytest.mark.slow
def test_a_second_tenant_is_served(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        store = made.store()
        with made.outrider(store):
            pass
        headers = add_tenant(store, made.root_key)
        with made.outrider(store) as system:
            other = System("other", system.url, headers, system.pid)
            other.hook(made.receiver.url("/ok/other"))
            assert made.load(other, 10).events == 10
            until("the other tenant's events arrived", lambda: made.receiver.arrived() >= 10)
            assert system.call("GET", "/v2/manage/events")["Data"] == []


def test_percentiles_are_by_rank() -> None:
    assert percentiles(range(1, 101), (0.5, 0.99, 1.0)) == [51, 100, 100]
    assert percentiles([], (0.5,)) == [0.0]


def test_reports_hold_every_line(tmp_path: Path) -> None:
    report.write(LINES, tmp_path, "quick")
    kept = msgspec.json.decode((tmp_path / "results.json").read_bytes())
    assert [line["value"] for line in kept["lines"]] == [12_000, 0.5]
    drawn = ET.fromstring((tmp_path / "results.svg").read_text())  # noqa: S314 - our own chart
    texts = [element.text for element in drawn if element.tag.endswith("text")]
    assert texts == ["single: floor", "12,000 events/s", "single: a & b", "0.50 × (goal ≥ 0.6)"]
