"""What is measured. A scenario takes the bench and the sizes and gives lines for the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import msgspec

from bench.parts import Bench, System, loaded, until
from bench.tenants import add_tenant

REGISTER = '{"Event":"Register","Data":{"Uid":"%032x","SentNs":%d,"UserName":"rosa.lindt"}}'
BATCH = 100
BURSTS = 20  # events a second, each to some ninety receivers: p99 needs many of them
FILL = 1_000  # events in a request where filling is not what is measured


class Sizes(msgspec.Struct, frozen=True):
    """How much of everything; `million` is what stands for a million."""

    rounds: int
    events: int
    seconds: int  # of each measurement at a fixed rate
    waiting_each: int
    million: int
    snapshot_seconds: int


FULL = Sizes(rounds=3, events=20_000, seconds=20, waiting_each=10_000, million=1_000_000, snapshot_seconds=600)
QUICK = Sizes(rounds=1, events=5_000, seconds=5, waiting_each=1_000, million=20_000, snapshot_seconds=5)


class Line(msgspec.Struct, frozen=True):
    """One figure; `goal` in words, `met` None where there is none."""

    scenario: str
    what: str
    value: float
    unit: str
    goal: str = ""
    met: bool | None = None


Scenario = Callable[[Bench, Sizes], list[Line]]


def throughput(bench: Bench, system: System, events: int, batch: int) -> tuple[float, float]:
    """Events a second from the first request until the last event arrived, and processor µs for each."""
    receiver = bench.receiver
    bench.load(system, 512 // batch, batch=batch, connections=32)
    until("the warm-up arrived", lambda: receiver.ask("count")["distinct"] >= 512 // batch * batch, 60)
    receiver.ask("reset")
    used = system.cpu_s()
    sent = bench.load(system, events // batch, batch=batch)
    until("every event arrived", lambda: receiver.ask("count")["distinct"] >= sent.events)
    seconds = (receiver.ask("count")["last_ns"] - sent.started_ns) / 1e9
    receiver.ask("reset")
    return sent.events / seconds, (system.cpu_s() - used) / sent.events * 1e6


def _outrider_to_one(bench: Bench, stack: ExitStack) -> System:
    system = stack.enter_context(bench.outrider())
    system.hook(bench.receiver.url("/ok/a"))
    return system


def _compared(bench: Bench, sizes: Sizes, scenario: str, batch: int) -> list[Line]:
    """Floor, ours and naive take turns; ratios are of the same round."""
    starts: dict[str, Callable[[ExitStack], System]] = {
        "floor": lambda stack: stack.enter_context(bench.plain("floor")),
        "outrider": lambda stack: _outrider_to_one(bench, stack),
        "naive": lambda stack: stack.enter_context(bench.plain("naive")),
    }
    rates: dict[str, list[float]] = {name: [] for name in starts}
    costs: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(sizes.rounds):
        for name, start in starts.items():
            with ExitStack() as stack:
                events = sizes.events // 5 if name == "naive" else sizes.events
                rate, cost = throughput(bench, start(stack), events, batch)
            rates[name].append(rate)
            costs[name].append(cost)
    lines = [Line(scenario, name, statistics.median(found), "events/s") for name, found in rates.items()]
    lines += [Line(scenario, f"{name}, processor", statistics.median(c), "µs/event") for name, c in costs.items()]
    ratio = statistics.median(o / f for o, f in zip(rates["outrider"], rates["floor"], strict=True))
    naive = statistics.median(o / n for o, n in zip(rates["outrider"], rates["naive"], strict=True))
    lines.append(Line(scenario, "outrider / floor", ratio, "×", "≥ 0.6", ratio >= 0.6))
    lines.append(Line(scenario, "outrider / naive", naive, "×"))
    return lines


def single(bench: Bench, sizes: Sizes) -> list[Line]:
    """One event per request, end to end."""
    return _compared(bench, sizes, "single", 1)


def batched(bench: Bench, sizes: Sizes) -> list[Line]:
    """A hundred events per request, end to end."""
    return _compared(bench, sizes, "batch of 100", BATCH)


def fan_out(bench: Bench, sizes: Sizes) -> list[Line]:
    """Every event to ten webhooks."""
    receiver = bench.receiver
    with bench.outrider() as system:
        for number in range(10):
            system.hook(receiver.url(f"/ok/{number}"))
        bench.load(system, 50)
        until("the warm-up arrived", lambda: receiver.arrived() >= 500, 60)
        receiver.ask("reset")
        started = time.monotonic()
        wanted = bench.load(system, sizes.events // 10).events * 10
        until("every delivery arrived", lambda: receiver.arrived() >= wanted)
        rate = wanted / (time.monotonic() - started)
    receiver.ask("reset")
    return [Line("fan-out 1→10", "outrider", rate, "deliveries/s")]


def latency(bench: Bench, sizes: Sizes) -> list[Line]:
    """From the instant a request is due to its arrival, commit included, at 1,000 events a second."""
    with bench.outrider() as system:
        system.hook(bench.receiver.url("/ok/a"))
        p50, p99 = _latencies(bench, system, 1_000, sizes.seconds)
    return [
        Line("latency at 1,000/s", "p50", p50, "ms", "≤ 5 ms", p50 <= 5),
        Line("latency at 1,000/s", "p99", p99, "ms", "≤ 25 ms", p99 <= 25),
    ]


def _latencies(bench: Bench, system: System, rate: int, seconds: int) -> tuple[float, float]:
    """p50 and p99 in ms of what arrives at /ok, after a warm-up of two seconds."""
    receiver = bench.receiver
    bench.load(system, rate * 2, rate=rate)
    time.sleep(0.5)
    receiver.ask("reset")
    receiver.ask("record on")
    bench.load(system, rate * seconds, rate=rate)
    time.sleep(1)
    p50, p99, _, _ = receiver.ask("latencies")
    receiver.ask("record off")
    receiver.ask("reset")
    return p50, p99


def one_hung(bench: Bench, sizes: Sizes) -> list[Line]:
    """The good ones' p99 with a hanging receiver among a hundred, and with a good one in its place."""

    def beside(path: str) -> float:
        with bench.outrider() as system:
            for number in range(99):
                system.hook(bench.receiver.url(f"/ok/{number}"))
            system.hook(bench.receiver.url(path))
            return _latencies(bench, system, BURSTS, sizes.seconds * 2)[1]

    return _isolation("1 hung of 100", sizes, lambda: beside("/slow/1/x"), lambda: beside("/hang/x"))


def ten_hung(bench: Bench, sizes: Sizes) -> list[Line]:
    """Ten hanging receivers with thousands waiting each, beside ninety good ones."""

    def beside(waiting: int) -> float:
        with bench.outrider() as system:
            for number in range(90):
                system.hook(bench.receiver.url(f"/ok/{number}"))
            for number in range(10):
                system.hook(bench.receiver.url(f"/hang/{number}"), "Register")
            if waiting:
                bench.load(system, waiting // FILL, batch=FILL, connections=4, template=REGISTER)
            return _latencies(bench, system, BURSTS, sizes.seconds * 2)[1]

    name = f"10 hung, {sizes.waiting_each:,} waiting each"
    return _isolation(name, sizes, lambda: beside(0), lambda: beside(sizes.waiting_each))


def _isolation(
    scenario: str, sizes: Sizes, without: Callable[[], float], beside: Callable[[], float]
) -> list[Line]:
    pairs = [(without(), beside()) for _ in range(max(1, sizes.rounds // 2 + 1))]
    ratio = statistics.median(b / w for w, b in pairs)
    return [
        Line(scenario, "p99 of the good ones without", statistics.median(w for w, _ in pairs), "ms"),
        Line(scenario, "p99 of the good ones beside them", statistics.median(b for _, b in pairs), "ms"),
        Line(scenario, "with / without", ratio, "×", "≤ 1.2", ratio <= 1.2),
    ]


def flood(bench: Bench, sizes: Sizes) -> list[Line]:
    """One tenant floods; another's latency at 100 events a second meanwhile."""
    store = bench.store()
    with bench.outrider(store):
        pass
    other_headers = add_tenant(store, bench.root_key)
    with bench.outrider(store) as system:
        system.hook(bench.receiver.url("/slow/1/flood"))
        other = System("other", system.url, other_headers, system.pid)
        other.hook(bench.receiver.url("/ok/other"))
        before = _latencies(bench, other, 100, sizes.seconds)
        options = {"batch": FILL, "connections": 8, "deadline": 600}
        with bench.loading(system, sizes.million // FILL, **options) as process:
            time.sleep(1)
            p50, p99 = _latencies(bench, other, 100, sizes.seconds)
            going = process.poll() is None
            flooding = loaded(process)
        memory = system.memory_mb()
    name = f"a flood of {sizes.million:,}"
    return [
        Line(name, "others' p99 before", before[1], "ms"),
        Line(name, "others' p50", p50, "ms"),
        Line(name, "others' p99" + ("" if going else " (the flood ended early)"), p99, "ms", "≤ 1 s", p99 <= 1_000),
        Line(name, "the flood's intake meanwhile", flooding.rate, "events/s"),
        Line(name, "memory", memory, "MB"),
    ]


def hostile_clients(bench: Bench, sizes: Sizes) -> list[Line]:
    """Intake at 200 requests a second beside 200 hostile connections, and without them."""
    rate, hostile, most = 200, 200, 0.0
    pairs = []
    with bench.outrider() as system:
        bench.load(system, rate, rate=rate)
        for _ in range(4 * sizes.rounds):  # many short ones: a p99 says as much of the machine as of us
            without = bench.load(system, rate * 5, rate=rate).p99_ms
            with bench.swarm(system, hostile):
                time.sleep(1)
                pairs.append((without, bench.load(system, rate * 5, rate=rate).p99_ms))
                most = max(most, system.memory_mb())
    medians = [statistics.median(each) for each in zip(*pairs, strict=True)]
    ratio = medians[1] / medians[0]
    name = f"{hostile} hostile clients"
    return [
        Line(name, "intake's p99 without", medians[0], "ms"),
        Line(name, "intake's p99 beside them", medians[1], "ms"),
        Line(name, "with / without", ratio, "×", "≤ 1.5", ratio <= 1.5),
        Line(name, "memory", most, "MB", "≤ 300 MB", most <= 300),
    ]


def waiting(bench: Bench, sizes: Sizes) -> list[Line]:
    """Throughput with a long queue of a hanging receiver, against the same process with an empty one."""
    with bench.outrider() as system:
        system.hook(bench.receiver.url("/ok/a"))
        system.hook(bench.receiver.url("/hang/x"), "Register")
        empty = [throughput(bench, system, sizes.events, 1)[0] for _ in range(sizes.rounds)]
        options = {"batch": FILL, "connections": 4, "template": REGISTER, "deadline": 600}
        bench.load(system, sizes.million // FILL, **options)
        time.sleep(2)
        full = [throughput(bench, system, sizes.events, 1)[0] for _ in range(sizes.rounds)]
        memory = system.memory_mb()
    name = f"{sizes.million:,} waiting"
    ratio = statistics.median(full) / statistics.median(empty)
    return [
        Line(name, "empty queue", statistics.median(empty), "events/s"),
        Line(name, "full queue", statistics.median(full), "events/s"),
        Line(name, "full / empty", ratio, "×", "≥ 0.9", ratio >= 0.9),
        Line(name, "memory", memory, "MB", "≤ 300 MB", memory <= 300),
    ]


def cold_start(bench: Bench, sizes: Sizes) -> list[Line]:
    """From starting the process to the first delivery, with deliveries waiting in the store."""
    seconds = []
    for _ in range(max(3, sizes.rounds)):
        store = bench.store()
        with bench.outrider(store) as system:
            webhook = system.hook(bench.receiver.url("/ok/a"), Enabled=False)
            bench.load(system, 1, batch=FILL, connections=1)
            system.call("POST", f"/v2/manage/webhooks/{webhook}/resume")
        bench.receiver.ask("reset")
        seconds.append(_first_delivery(bench, bench.outrider(store)))
        bench.receiver.ask("reset")
    median = statistics.median(seconds)
    return [Line("cold start", "start to first delivery", median, "s", "≤ 1.5 s", median <= 1.5)]


def _first_delivery(bench: Bench, starting: AbstractContextManager[System]) -> float:
    started = time.monotonic()
    with starting:
        until("the first delivery", bench.receiver.arrived, 30, 0.002)
        return time.monotonic() - started


ALL: dict[str, Scenario] = {
    "single": single,
    "batch": batched,
    "fanout": fan_out,
    "latency": latency,
    "onehung": one_hung,
    "tenhung": ten_hung,
    "flood": flood,
    "hostile": hostile_clients,
    "waiting": waiting,
    "coldstart": cold_start,
}
