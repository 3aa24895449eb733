"""Nodes behind PgBouncer in transaction mode, with fewer connections of the server than nodes have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import postgres
from harness import Receiver, Request, until
from nodes.cluster import Cluster, Producers, drained, repeats
from outrider.dispatch.heartbeat import BEAT_S, BEATS_UNTIL_DEAD
from outrider.dispatch.lanes import LaneLimits
from pgbouncer import PgBouncer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Receive = Callable[..., Receiver]


@pytest.fixture
def pooled(
    tmp_path: Path, postgres_server: postgres.Postgres, pooler: PgBouncer, authority: tuple[Path, Path]
) -> Iterator[Cluster]:
    made = Cluster(tmp_path, pooler.before(postgres_server.database()), authority[0])
    yield made
    made.close()


def test_two_nodes_under_load_and_one_killed(pooled: Cluster, receive: Receive) -> None:
    lock, order = threading.Lock(), dict[str, list[str]]()

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.path == "/ordered":
            with lock:
                order.setdefault(request.json["Data"]["Uid"], []).append(request.id)
        return 200, {}, b""

    receiver = receive(answer)
    nodes = [pooled.start(), pooled.start()]
    nodes[0].ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    ordered = {"Event": "Register", "TargetUrl": receiver.url("/ordered"), "Ordering": "subject"}
    nodes[0].ok("POST", "/v2/manage/webhooks", ordered)
    producers = Producers(nodes, count=8, pause_s=0.0)
    sent: dict[str, list[str]] = {}
    for number in range(120):
        uid = f"u{number % 4}"
        told = nodes[number % 2].ok("POST", "/v2/events", {"Event": "Register", "Data": {"Uid": uid}})
        sent.setdefault(uid, []).append(told["Data"][0]["Id"])
    until(lambda: len(producers.accepted) > 2_000, 60)
    assert producers.refused == []
    nodes[1].kill()
    until(lambda: len(nodes[0].ok("GET", "/v2/manage/system")["Nodes"]) == 1, BEAT_S * (BEATS_UNTIL_DEAD + 4))
    accepted = producers.stop()
    drained(nodes[0])
    assert accepted <= {request.id for request in receiver.requests}
    assert repeats([r for r in receiver.requests if r.path != "/ordered"]) <= LaneLimits().under_way
    assert {uid: list(dict.fromkeys(ids)) for uid, ids in order.items()} == sent
    for node in nodes:
        assert "Traceback" not in (node.folder / "log").read_text()


def test_a_change_reaches_the_other_node(pooled: Cluster, receive: Receive) -> None:
    """Nobody can listen behind a pooler: polling alone brings changes and work."""
    receiver = receive()
    intake = pooled.start(OUTRIDER_ROLES="intake")
    dispatch = pooled.start(OUTRIDER_ROLES="dispatch,housekeeping")
    intake.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    intake.ok("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})
    until(lambda: receiver.requests, 5)
    assert "Traceback" not in (dispatch.folder / "log").read_text()


def test_a_pooler_that_goes_away(
    tmp_path: Path, postgres_server: postgres.Postgres, authority: tuple[Path, Path], receive: Receive
) -> None:
    receiver, own = receive(), PgBouncer(postgres_server.url)
    cluster = Cluster(tmp_path, own.before(postgres_server.database()), authority[0])
    try:
        node = cluster.start()
        node.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
        producers = Producers([node])
        until(lambda: len(producers.accepted) > 100)
        own.stop()
        until(lambda: producers.refused, 10)
        own.start()
        seen = len(producers.accepted)
        until(lambda: len(producers.accepted) > seen + 100)
        accepted = producers.stop()
        drained(node)
        assert {status for status, _, _ in producers.refused} == {503}
        assert accepted <= {request.id for request in receiver.requests}
        assert repeats(receiver.requests) <= LaneLimits().under_way
    finally:
        cluster.close()
        own.close()
