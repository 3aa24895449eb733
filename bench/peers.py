"""Other products, measured with the same generator and receiver when their address is given.

    BENCH_SVIX_URL, BENCH_SVIX_TOKEN
    BENCH_OUTPOST_URL, BENCH_OUTPOST_TOKEN
    BENCH_CONVOY_URL, BENCH_CONVOY_TOKEN, BENCH_CONVOY_PROJECT

They have to be able to reach this machine's receiver, to trust its certificate or not to check it, and to be
allowed loopback addresses. Pinning them to a core is the operator's business. Calls: the products' public API
references (Svix: application, endpoint, message; Outpost: tenants, destinations, publish; Convoy: endpoints,
subscriptions, events).
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable

from bench.parts import Bench, System, until
from bench.scenarios import Line, Sizes

DATA = '{"Uid":"%032x","SentNs":%d,"UserName":"rosa.lindt","FirstName":"Rosa","LastName":"Lindt"}'


def _system(name: str) -> System:
    token = os.environ.get(f"BENCH_{name}_TOKEN", "")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return System(name.lower(), os.environ[f"BENCH_{name}_URL"].rstrip("/"), headers)


def svix(bench: Bench) -> System:
    system = _system("SVIX")
    app = system.call("POST", "/api/v1/app/", {"name": "bench"})["id"]
    endpoint = {"url": bench.receiver.url("/ok/svix"), "version": 1}
    system.call("POST", f"/api/v1/app/{app}/endpoint/", endpoint)
    system.path = f"/api/v1/app/{app}/msg/"
    system.template = f'{{"eventType":"login","payload":{DATA}}}'
    return system


def outpost(bench: Bench) -> System:
    system = _system("OUTPOST")
    system.call("PUT", "/api/v1/tenants/bench")
    destination = {"type": "webhook", "topics": "*", "config": {"url": bench.receiver.url("/ok/outpost")}}
    system.call("POST", "/api/v1/tenants/bench/destinations", destination)
    system.path = "/api/v1/publish"
    system.template = f'{{"tenant_id":"bench","topic":"login","eligible_for_retry":true,"data":{DATA}}}'
    return system


def convoy(bench: Bench) -> System:
    system = _system("CONVOY")
    project = f"/api/v1/projects/{os.environ['BENCH_CONVOY_PROJECT']}"
    made = {"name": "bench", "url": bench.receiver.url("/ok/convoy")}
    endpoint = system.call("POST", f"{project}/endpoints", made)["data"]["uid"]
    subscription = {"name": "bench", "endpoint_id": endpoint, "filter_config": {"event_types": ["*"]}}
    system.call("POST", f"{project}/subscriptions", subscription)
    system.path = f"{project}/events"
    system.template = f'{{"endpoint_id":"{endpoint}","event_type":"login","data":{DATA}}}'
    return system


PEERS: dict[str, Callable[[Bench], System]] = {"SVIX": svix, "OUTPOST": outpost, "CONVOY": convoy}


def peers(bench: Bench, sizes: Sizes) -> list[Line]:
    """One event per request, end to end, for every product whose address is given."""
    return [
        Line("peers, single", name.lower(), _rate(bench, start(bench), sizes), "events/s")
        for name, start in PEERS.items()
        if os.environ.get(f"BENCH_{name}_URL")
    ]


def _rate(bench: Bench, system: System, sizes: Sizes) -> float:
    found = []
    for _ in range(sizes.rounds):
        bench.receiver.ask("reset")
        sent = bench.load(system, sizes.events)
        until("every event arrived", lambda: bench.receiver.ask("count")["distinct"] >= sizes.events)
        found.append(sent.events / ((int(bench.receiver.ask("count")["last_ns"]) - sent.started_ns) / 1e9))
    bench.receiver.ask("reset")
    return statistics.median(found)
