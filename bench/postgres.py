"""Outrider on PostgreSQL: beside SQLite, on two nodes, and with an old snapshot held open."""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import msgspec

from bench.parts import OTHER, Bench, System, core, until
from bench.scenarios import Line, Sizes, throughput
from postgres import OwnPostgres

ROUND_EVENTS = 20_000
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def server() -> Iterator[OwnPostgres]:
    """A PostgreSQL on the other core, beside generator and receiver."""
    own = OwnPostgres(synchronous_commit="on")
    os.sched_setaffinity(own.process.pid, {int(core(OTHER))})
    try:
        yield own
    finally:
        own.remove()


def server_cpu_s(own: OwnPostgres) -> float:
    """Processor time that the server's processes have used, those that ended included."""
    family = [own.process.pid, *_children(own.process.pid)]
    return sum(_ticks(pid, with_ended=pid == own.process.pid) for pid in family) / TICKS


def beside_sqlite(bench: Bench, sizes: Sizes) -> list[Line]:
    """One node on PostgreSQL and one on SQLite take turns; then two nodes share the database."""
    rates: dict[str, list[float]] = {"sqlite": [], "postgresql": [], "two nodes": []}
    costs: dict[str, list[float]] = {"node": [], "server": []}
    for _ in range(sizes.rounds):
        with bench.outrider() as system:
            system.hook(bench.receiver.url("/ok/a"))
            rates["sqlite"].append(throughput(bench, system, sizes.events, 1)[0])
        with server() as own, bench.outrider(own.database()) as system:
            system.hook(bench.receiver.url("/ok/a"))
            before = server_cpu_s(own)
            rate, cost = throughput(bench, system, sizes.events, 1)
            rates["postgresql"].append(rate)
            costs["node"].append(cost)
            costs["server"].append((server_cpu_s(own) - before) / (sizes.events + 512) * 1e6)
    ratio = statistics.median(p / s for p, s in zip(rates["postgresql"], rates["sqlite"], strict=True))
    name = "PostgreSQL, single"
    return [
        Line(name, "on SQLite", statistics.median(rates["sqlite"]), "events/s"),
        Line(name, "on PostgreSQL", statistics.median(rates["postgresql"]), "events/s"),
        Line(name, "node, processor", statistics.median(costs["node"]), "µs/event"),
        Line(name, "server, processor", statistics.median(costs["server"]), "µs/event"),
        Line(name, "PostgreSQL / SQLite", ratio, "×", "≥ 0.7", ratio >= 0.7),
    ]


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _ticks(pid: int, *, with_ended: bool) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if with_ended else 13])


__all__ = ["asyncio", "asyncpg", "beside_sqlite", "msgspec", "System", "threading", "time", "until"]
