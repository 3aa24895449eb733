"""Order by subject under failures and kills: `PYTHONPATH=tests python -m crash.order --events 100000`.

Every tenth request is refused once, one subject is refused until the end, and the process is killed several times.
Each subject's events have to arrive in the order they were accepted, and the refused one may hold up no other.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import zlib
from collections import defaultdict
from pathlib import Path

import msgspec

from crash import stores
from harness import Receiver, Request, Served, until
from outrider.cli.demo import certificates

SUBJECTS = 500
BATCH = 500
STUCK = "stuck"
SCHEDULE = [0.02] * 5 + [30] * 45


class Order(msgspec.Struct, frozen=True):
    """`others_done` says whether all other subjects were through while one was stuck."""

    events: int
    requests: int
    out_of_order: int
    others_done: bool


class Moody:
    """The receiver's answers: refuses some requests once, and one subject as long as it is `broken`."""

    def __init__(self) -> None:
        self.broken = True
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if subject(request) == STUCK:
            return (400 if self.broken else 200), {}, b""
        with self._lock:
            first = request.id not in self._refused
            self._refused.add(request.id)
        return (400 if first and zlib.crc32(request.id.encode()) % 10 == 0 else 200), {}, b""


def subject(request: Request) -> str:
    return str(json.loads(request.body)["Data"]["Uid"])


def run(folder: Path, events: int, kills: int, ca: Path, certificate: Path, *, store: dict[str, str]) -> Order:
    moody = Moody()
    receiver = Receiver(certificate, moody)
    served = Served(folder, OUTRIDER_EGRESS_CA_FILE=str(ca), **store).start()
    sent: dict[str, list[str]] = defaultdict(list)
    try:
        hook = {"Event": "Login", "TargetUrl": receiver.url(), "Ordering": "subject", "RetrySchedule": SCHEDULE}
        webhook = served.ok("POST", "/v2/manage/webhooks", hook)["Id"]
        for first in range(0, events, BATCH):
            uids = [f"u{n % SUBJECTS}" for n in range(first, min(first + BATCH, events))]
            uids += [STUCK] if first == 0 else []
            _send(served, uids, sent)
            if first % (events // (kills + 1) // BATCH * BATCH or BATCH) == 0 and first:
                served.kill()
                served.start()
        others = {event for uid, ids in sent.items() if uid != STUCK for event in ids}
        done = until(lambda: others <= {request.id for request in receiver.requests}, 600)
        moody.broken = False
        resent = served.ok("GET", f"/v2/manage/deliveries?state=waiting&webhook={webhook}&limit=200")["Data"]
        for row in resent:
            served.ok("POST", f"/v2/manage/deliveries/{row['Id']}/resend")
        until(lambda: not served.ok("GET", "/v2/manage/deliveries?state=waiting&limit=1")["Data"], 60)
    finally:
        served.stop()
        receiver.close()
    return Order(events, len(receiver.requests), _out_of_order(receiver, sent), bool(done))


def _send(served: Served, uids: list[str], sent: dict[str, list[str]]) -> None:
    body = [{"Event": "Login", "Data": {"Uid": uid}} for uid in uids]
    for uid, one in zip(uids, served.ok("POST", "/v2/events", body)["Data"], strict=True):
        sent[uid].append(one["Id"])


def _out_of_order(receiver: Receiver, sent: dict[str, list[str]]) -> int:
    """Events requested before one that was accepted earlier about the same subject had been answered last."""
    place = {event: (uid, number) for uid, ids in sent.items() for number, event in enumerate(ids)}
    reached: dict[str, int] = defaultdict(int)
    wrong = 0
    for request in receiver.requests:
        uid, number = place[request.id]
        wrong += not reached[uid] - 1 <= number <= reached[uid]
        reached[uid] = max(reached[uid], number + 1)
    return wrong


def main() -> None:
    options = argparse.ArgumentParser(prog="crash.order", description=__doc__)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--kills", type=int, default=5)
    stores.add_option(options)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, stores.new(given.store) as store:
        ca, certificate = certificates.make(Path(folder))
        found = run(Path(folder), given.events, given.kills, ca, certificate, store=store)
    print(
        f"{found.events:,} events, {found.requests:,} requests, {given.kills} kills: "
        f"{found.out_of_order} out of order; "
        f"the others were {'all' if found.others_done else 'NOT all'} through while one subject was stuck"
    )
    sys.exit(found.out_of_order > 0 or not found.others_done)


if __name__ == "__main__":
    main()
