"""Outrider on PostgreSQL: beside SQLite, two nodes beside one, and with an old snapshot held open."""

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

from bench.parts import OTHER, Bench, System, core, loaded, until
from bench.scenarios import Line, Sizes, throughput
from postgres import OwnPostgres

TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def server() -> Iterator[OwnPostgres]:
    """A durable PostgreSQL on the other core, beside generator and receiver."""
    own = OwnPostgres(on_disk=True, synchronous_commit="on", max_wal_size="2GB")
    os.sched_setaffinity(own.process.pid, {int(core(OTHER))})
    try:
        yield own
    finally:
        own.remove()


def server_cpu_s(own: OwnPostgres) -> float:
    """Processor time that the server's processes have used, those that ended included."""
    parent = own.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(_ticks(pid, ended=False) for pid in map(int, children)) / TICKS + _ticks(parent, ended=True) / TICKS


def beside_sqlite(bench: Bench, sizes: Sizes) -> list[Line]:
    """One node on PostgreSQL and one on SQLite take turns."""
    rates: dict[str, list[float]] = {"sqlite": [], "postgresql": []}
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


def two_nodes(bench: Bench, sizes: Sizes) -> list[Line]:
    """The same load on one node and spread over two, which share two cores with everything else here."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    cost: list[float] = []
    for _ in range(sizes.rounds):
        for count in (1, 2):
            with server() as own, ExitStack() as stack:
                url = own.database()
                nodes = [stack.enter_context(bench.outrider(url)) for _ in range(count)]
                nodes[0].hook(bench.receiver.url("/ok/a"))
                before = server_cpu_s(own)
                rates[count].append(_together(bench, nodes, sizes.events))
                if count == 2:
                    cost.append((server_cpu_s(own) - before) / sizes.events * 1e6)
    ratio = statistics.median(two / one for one, two in zip(rates[1], rates[2], strict=True))
    name = "PostgreSQL, two nodes"
    return [
        Line(name, "one node", statistics.median(rates[1]), "events/s"),
        Line(name, "two nodes on the same core", statistics.median(rates[2]), "events/s"),
        Line(name, "two / one", ratio, "×", "≥ 1.7 where cores allow"),
        Line(name, "server, processor", statistics.median(cost), "µs/event"),
    ]


def _together(bench: Bench, nodes: list[System], events: int) -> float:
    """Events a second, reported to all nodes at once, from the first request until the last event arrived."""
    receiver = bench.receiver
    with ExitStack() as stack:
        running = [
            stack.enter_context(bench.loading(node, events // len(nodes), connections=64 // len(nodes)))
            for node in nodes
        ]
        started = min(loaded(process).started_ns for process in running)
    until("every event arrived", lambda: receiver.ask("count")["distinct"] >= events // len(nodes) * len(nodes))
    seconds = (int(receiver.ask("count")["last_ns"]) - started) / 1e9
    receiver.ask("reset")
    return events / seconds


def old_snapshot(bench: Bench, sizes: Sizes) -> list[Line]:
    """Full load while somebody holds a snapshot open, so that no dead row can be cleared away."""
    with server() as own:
        url = own.database()
        with bench.outrider(url) as system:
            system.hook(bench.receiver.url("/ok/a"))
            free = throughput(bench, system, sizes.events, 1)[0]
            with _snapshot(url):
                last, warnings, seconds = _load_for(bench, system, sizes.snapshot_seconds, sizes.events)
    ratio = last / free
    name = (
        f"a snapshot held for {seconds / 60:.0f} min" if seconds >= 60 else f"a snapshot held for {seconds:.0f} s"
    )
    told = sum("snapshot" in warning for warning in warnings)
    return [
        Line(name, "without it", free, "events/s"),
        Line(name, "at its end", last, "events/s"),
        Line(name, "with / without", ratio, "×", "≥ 0.5", ratio >= 0.5),
        Line(name, "warnings in /v2/manage/system", told, "", "1 after a minute", seconds < 60 or told == 1),
    ]


def _load_for(bench: Bench, system: System, seconds: float, events: int) -> tuple[float, list[str], float]:
    """Load without a pause; the last rate, the warnings at the end, and how long it really took."""
    started = time.monotonic()
    rate = 0.0
    while time.monotonic() - started < seconds:
        rate = throughput(bench, system, events, 1)[0]
    warnings = system.call("GET", "/v2/manage/system")["Warnings"]
    return rate, warnings, time.monotonic() - started


@contextmanager
def _snapshot(url: str) -> Iterator[None]:
    """A transaction in a thread of its own that reads once and stays open."""
    opened, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(url)
        async with connection.transaction(isolation="repeatable_read"):
            await connection.fetchval("SELECT count(*) FROM queue")
            opened.set()
            await asyncio.to_thread(over.wait)
        await connection.close()

    thread = threading.Thread(target=asyncio.run, args=(hold(),))
    thread.start()
    opened.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join()


def _ticks(pid: int, *, ended: bool) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if ended else 13])
