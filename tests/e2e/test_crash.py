"""`kill -9` under load: everything that got its 202 arrives; repeats are bounded by what was in flight."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from harness import API_KEY, API_SECRET, Receiver, Served, until
from outrider.dispatch.lanes import LaneLimits

EVENTS = 2_000
CREDENTIALS = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}


def produce(served: Served, accepted: list[str], count: int, dead: threading.Event) -> None:
    """Send one by one; only ids that got their 202 are kept."""
    for number in range(count):
        try:
            status, answer = served.call("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": f"u{number}"}})
        except OSError:
            if dead.is_set():
                return
            raise
        assert status == 202
        accepted.append(answer["Data"][0]["Id"])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_killed_under_load_nothing_accepted_is_lost(
    serve: Callable[..., Served], receive: Callable[..., Receiver]
) -> None:
    served, receiver = serve(), receive()
    served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
    accepted: list[str] = []
    dead = threading.Event()
    producers = [threading.Thread(target=produce, args=(served, accepted, EVENTS // 8, dead)) for _ in range(8)]
    for producer in producers:
        producer.start()
    until(lambda: len(accepted) > EVENTS // 3, 60)
    dead.set()
    served.kill()
    for producer in producers:
        producer.join()
    killed_at = len(accepted)
    assert 0 < killed_at < EVENTS

    served.start()
    rest = [{"Event": "Login", "Data": {"Uid": f"r{n}"}} for n in range(EVENTS - killed_at)]
    for start in range(0, len(rest), 500):
        accepted += [e["Id"] for e in served.ok("POST", "/v2/events", rest[start : start + 500])["Data"]]

    until(lambda: set(accepted) <= {r.id for r in receiver.requests}, 60)
    until(lambda: not served.ok("GET", "/v2/manage/deliveries?state=waiting&limit=1")["Data"])
    counts = Counter(r.id for r in receiver.requests)
    repeats = sum(count - 1 for count in counts.values())
    print(f"accepted {len(accepted)}, killed after {killed_at}, repeats {repeats}")
    assert repeats <= LaneLimits().under_way
