"""A database that stops, or that one node cannot reach: 503 meanwhile, nothing lost, everybody recovers alone."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

import postgres
from harness import API_KEY, API_SECRET, Receiver, Served, until
from nodes.cluster import Cluster, Producers, Wire, drained, repeats
from outrider.dispatch.lanes import LaneLimits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
Receive = Callable[..., Receiver]
AWAY_S = 30
BACK_S = 5


def retry_after(node: Served) -> tuple[int, str | None]:
    """Status and `Retry-After` of an event reported now."""
    headers = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
    request = urllib.request.Request(node.url + "/v2/events", b'{"Event":"Login","Data":{"Uid":"u"}}', headers)
    try:
        with node.opener.open(request, timeout=10) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Retry-After"]


TOLD = {
    "answered 503": "accepts again",
    "no heartbeat": "beats again",
    "cannot claim now": "claims again",
    "cannot see what other processes changed": "sees again",
    "housekeeping waits": "keeps house again",
}


def told(node: Served) -> bool:
    """Whether the end of the outage is told by every part that told its beginning."""
    log = (node.folder / "log").read_text()
    return all(ended in log for began, ended in TOLD.items() if began in log)


def check_log(node: Served) -> None:
    """What was away for half a minute is told by each part when it began, once for each reason."""
    log = (node.folder / "log").read_text()
    assert "Traceback" not in log
    for began in list(TOLD)[:4]:
        assert 1 <= log.count(began) <= 8, began  # refused, reset, shutting down, starting up, too slow
    assert len(log.splitlines()) < 60


def test_postgresql_stopped_under_load(
    tmp_path: Path, own_server: postgres.OwnPostgres, authority: tuple[Path, Path], receive: Receive
) -> None:
    receiver = receive()
    cluster = Cluster(tmp_path, own_server.database(), authority[0])
    try:
        nodes = [cluster.start(), cluster.start()]
        nodes[0].ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
        producers = Producers(nodes)
        until(lambda: len(producers.accepted) > 300)
        own_server.stop()
        away = time.monotonic()
        until(lambda: producers.refused, 10)
        assert retry_after(nodes[0]) == (503, "1")
        assert nodes[0].call("GET", "/v2/manage/events")[0] == 503
        for node in nodes:
            until(lambda node=node: node.call("GET", "/health/ready", headers={})[0] == 503, 5)
            assert not node.call("GET", "/health", headers={})[1]["Ready"]
        time.sleep(max(0.0, away + AWAY_S - time.monotonic()))  # the outage is the experiment
        own_server.start()
        back = time.monotonic()
        until(lambda: {n for n in nodes if retry_after(n)[0] == 202} == set(nodes), BACK_S)
        until(lambda: all(n.call("GET", "/health/ready", headers={})[0] == 200 for n in nodes), BACK_S)
        until(lambda: any(at > back for _, at in producers.accepted), BACK_S)
        seen = len(receiver.requests)
        until(lambda: len(receiver.requests) > seen, max(0.1, back + BACK_S - time.monotonic()))
        until(lambda: all(told(node) for node in nodes), 15)
        accepted = producers.stop()
        drained(nodes[0])
        assert {status for status, _, _ in producers.refused} == {503}
        assert len(producers.refused) > 100
        for node in nodes:
            check_log(node)
        assert accepted <= {request.id for request in receiver.requests}
        assert repeats(receiver.requests) <= 2 * LaneLimits().under_way
    finally:
        cluster.close()


def test_one_node_cut_off_from_the_database(cluster: Cluster, receive: Receive) -> None:
    receiver = receive()
    wire = Wire(cluster.url)
    try:
        near, far = cluster.start(), cluster.start(wire.url)
        near.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
        producers = Producers([near, far])
        until(lambda: len(producers.accepted) > 300)
        wire.is_cut = True
        cut = time.monotonic()
        status, wait = retry_after(far)
        assert (status, wait) == (503, "1")
        assert retry_after(near) == (202, None)
        before = {identity for identity, at in producers.accepted if at < cut}
        until(lambda: before <= {request.id for request in receiver.requests}, 15)
        time.sleep(max(0.0, cut + AWAY_S / 2 - time.monotonic()))  # the outage is the experiment
        wire.is_cut = False
        until(lambda: retry_after(far)[0] == 202, BACK_S)
        until(lambda: len(near.ok("GET", "/v2/manage/system")["Nodes"]) == 2, BACK_S)
        accepted = producers.stop()
        drained(near)
        assert accepted <= {request.id for request in receiver.requests}
        assert repeats(receiver.requests) <= LaneLimits().under_way
    finally:
        wire.close()
