"""Any number of nodes: dead ones are replaced, stopped ones lose what they held, limits and order hold across
all."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest

from harness import Receiver, Request, Served, until
from nodes.cluster import Cluster, Producers, drained, repeats
from outrider.dispatch.heartbeat import BEAT_S, BEATS_UNTIL_DEAD
from outrider.dispatch.lanes import LaneLimits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Receive = Callable[..., Receiver]
TAKEN_OVER_S = 10


def test_a_killed_and_a_stopped_node_lose_nothing(cluster: Cluster, receive: Receive) -> None:
    receiver = receive()
    first, killed, stopped = (cluster.start() for _ in range(3))
    first.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    producers = Producers([first, killed, stopped])
    until(lambda: len(producers.accepted) > 500)
    killed.kill()
    stopped.process.send_signal(signal.SIGSTOP)
    gone = time.monotonic()
    time.sleep(BEAT_S * (BEATS_UNTIL_DEAD + 2))  # past its lease: that is the experiment
    before = {identity for identity, at in producers.accepted if at < gone}
    until(lambda: before <= {request.id for request in receiver.requests}, TAKEN_OVER_S)
    stopped.process.send_signal(signal.SIGCONT)
    time.sleep(2 * BEAT_S)  # it goes on, finds out, and takes part again
    accepted = producers.stop()
    drained(first)
    arrived = {request.id for request in receiver.requests}
    assert accepted <= arrived  # more, where a node died between its commit and its 202
    assert repeats(receiver.requests) <= 2 * LaneLimits().under_way
    ended = _ended(first)
    assert len(ended) == len(set(ended)) == len(arrived)
    assert len(first.ok("GET", "/v2/manage/system")["Nodes"]) == 2


def _ended(node: Served) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = node.ok("GET", f"/v2/manage/deliveries?state=delivered&limit=200{cursor}")
        found += [row["Id"] for row in page["Data"]]
        if not page["Next"]:
            return found
        cursor = f"&cursor={page['Next']}"


def test_a_change_is_seen_by_every_node_within_a_second(cluster: Cluster, receive: Receive) -> None:
    receiver = receive()
    one, other = cluster.start(), cluster.start()
    webhook = one.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})["Id"]
    until(lambda: other.call("GET", f"/v2/manage/webhooks/{webhook}")[0] == 200, 1)
    other.ok("PUT", f"/v2/manage/webhooks/{webhook}", {"Enabled": False})
    until(lambda: not one.ok("GET", f"/v2/manage/webhooks/{webhook}")["Enabled"], 1)
    # Changes at the same time on both: neither is lost.
    changes = [(one, {"Name": "crm"}), (other, {"Timeout": 7})] * 5
    threads = [
        threading.Thread(target=node.ok, args=("PUT", f"/v2/manage/webhooks/{webhook}", change))
        for node, change in changes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = until(lambda: _of_all([one, other], webhook))
    assert (found["Name"], found["Timeout"]) == ("crm", 7)


def _of_all(nodes: list[Served], webhook: str) -> dict[str, object] | None:
    shown = [node.ok("GET", f"/v2/manage/webhooks/{webhook}") for node in nodes]
    return shown[0] if all(each == shown[0] for each in shown) else None


def test_concurrency_and_order_hold_across_nodes(cluster: Cluster, receive: Receive) -> None:
    lock, at_once, most = threading.Lock(), 0, 0
    seen: dict[str, list[str]] = {}

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        nonlocal at_once, most
        if request.path == "/limited":
            with lock:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.01)
            with lock:
                at_once -= 1
        else:
            with lock:
                seen.setdefault(request.json["Data"]["Uid"], []).append(request.id)
        return 200, {}, b""

    receiver = receive(answer)
    nodes = [cluster.start() for _ in range(3)]
    time.sleep(2 * BEAT_S)  # limits hold once the nodes know each other
    hook = {"Event": "Login", "TargetUrl": receiver.url("/limited"), "MaxConcurrency": 1}
    nodes[0].ok("POST", "/v2/manage/webhooks", hook)
    nodes[0].ok(
        "POST",
        "/v2/manage/webhooks",
        {"Event": "Login", "TargetUrl": receiver.url("/ordered"), "Ordering": "subject"},
    )
    accepted: dict[str, list[str]] = {}
    for number in range(150):
        uid = f"u{number % 3}"
        answer_ = nodes[number % 3].ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": uid}})
        accepted.setdefault(uid, []).append(answer_["Data"][0]["Id"])
    drained(nodes[0])
    assert most == 1
    assert seen == accepted


def test_roles_scale_apart(cluster: Cluster, receive: Receive) -> None:
    receiver = receive()
    intake = cluster.start(OUTRIDER_ROLES="intake")
    intake.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    intake.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    dispatch = cluster.start(OUTRIDER_ROLES="dispatch,housekeeping")
    assert dispatch.call("GET", "/v2/manage/webhooks")[0] == 404
    until(lambda: receiver.requests, 5)
    started = time.monotonic()
    intake.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    until(lambda: len(receiver.requests) == 2, 5)
    assert time.monotonic() - started < 0.5  # told by a hint, not found by polling
    roles = [node["Roles"] for node in intake.ok("GET", "/v2/manage/system")["Nodes"]]
    assert sorted(roles) == [["dispatch", "housekeeping"], ["intake"]]


def test_an_open_circuit_is_probed_by_one_node(cluster: Cluster, receive: Receive) -> None:
    well = threading.Event()
    receiver = receive(lambda _: (200 if well.is_set() else 503, {}, b""))
    nodes = [cluster.start(OUTRIDER_RETRY_SCHEDULE_MS="100,100,100,100,100,100,100,100") for _ in range(2)]
    webhook = nodes[0].ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})["Id"]
    until(lambda: nodes[1].call("GET", f"/v2/manage/webhooks/{webhook}")[0] == 200, 2)
    for number in range(40):
        nodes[number % 2].ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})

    def states() -> set[str]:
        return {n.ok("GET", f"/v2/manage/webhooks/{webhook}")["Circuit"]["State"] for n in nodes}

    until(lambda: states() == {"open"}, 10)
    before = len(receiver.requests)
    time.sleep(3)  # long enough for a node that does not know to send more
    assert len(receiver.requests) - before <= 2
    well.set()
    drained(nodes[0], 30)
    assert states() == {"closed"}
