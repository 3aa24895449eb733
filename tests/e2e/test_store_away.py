"""A disk that is full while Outrider runs, and has room again: nothing is lost, nothing costs an attempt."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable

import pytest

from harness import Receiver, Served, until
from outrider.domain.outage import CALM_S

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]  # tests/nodes has a PostgreSQL that goes away
LOGINS = [{"Event": "Login", "Data": {"Uid": "u1", "About": "x" * 1_000}}] * 20


def test_a_full_disk(serve: Callable[..., Served], receive: Callable[..., Receiver]) -> None:
    served, receiver = serve(), receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    accepted = [one["Id"] for one in served.ok("POST", "/v2/events", LOGINS)["Data"]]
    process = served.process
    assert process is not None
    unlimited = resource.RLIM_INFINITY
    wal = (served.folder / "outrider.db-wal").stat().st_size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (wal + 100_000, unlimited))
    refused = 0
    for _ in range(100):
        status, answer = served.call("POST", "/v2/events", LOGINS)
        if status == 202:
            accepted += [one["Id"] for one in answer["Data"]]
        else:
            assert (status, answer["ErrorCode"]) == (503, 7910)
            refused += 1
    assert refused > 10
    began = time.monotonic()
    while time.monotonic() < began + 3:  # longer than a trial is trusted, and heartbeats go on
        status, health = served.call("GET", "/health/ready", headers={})
        assert (status, health["Ready"]) == (503, False)
        assert set(health["Reasons"]) <= {"store away", "lease lost"}
        assert "store away" in health["Reasons"]
        assert served.call("GET", "/health", headers={}) == (200, health)
        assert served.call("GET", "/health/live", headers={}) == (200, {"Alive": True})
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))

    def room_again() -> bool:
        status, answer = served.call("POST", "/v2/events", LOGINS)
        if status == 202:
            accepted.extend(one["Id"] for one in answer["Data"])
        return status == 202

    until(room_again)
    until(lambda: served.call("GET", "/health/ready", headers={})[0] == 200, 5)
    time.sleep(CALM_S)  # the end is told when nothing has failed for so long
    until(room_again)
    until(lambda: {request.id for request in receiver.requests} >= set(accepted))
    until(lambda: not served.ok("GET", "/v2/manage/deliveries?state=waiting&limit=1")["Data"])
    counts = Counter(request.id for request in receiver.requests)
    assert set(counts) == set(accepted)
    assert max(counts.values()) == 1
    log = (served.folder / "log").read_text()
    assert 1 <= log.count("answered 503") <= 3, log
    assert f"and {refused} failures" in log
    rows = served.ok("GET", "/v2/manage/deliveries?limit=200")["Data"]
    assert {(row["State"], row["Attempts"]) for row in rows} == {("delivered", 1)}
