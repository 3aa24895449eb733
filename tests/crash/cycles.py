"""`kill -9` again and again under load: `PYTHONPATH=tests python -m crash.cycles --cycles 200 --store sqlite`.

Each cycle serves the same store, loads it from several producers, and kills the process at a random instant. At the
end everything that got its 202 has arrived, and no more arrived twice than was in flight at the kills.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import msgspec

from crash import stores
from harness import Receiver, Served, until
from outrider.cli.demo import certificates
from outrider.dispatch.lanes import LaneLimits

PRODUCERS = 4
BATCH = 20
DRAIN_S = 600  # producers outrun the receiver of tests, so much may wait at the end


class Outcome(msgspec.Struct, frozen=True):
    cycles: int
    accepted: int
    lost: int
    repeats: int

    @property
    def kept(self) -> bool:
        """Nothing lost, and repeats only of what was in flight."""
        return self.lost == 0 and self.repeats <= self.cycles * LaneLimits().under_way


def run(folder: Path, cycles: int, seed: int, ca: Path, certificate: Path, *, store: dict[str, str]) -> Outcome:
    """`store` are the settings that name it."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    receiver = Receiver(certificate)
    served = Served(folder, OUTRIDER_EGRESS_CA_FILE=str(ca), **store).start()
    accepted: list[str] = []
    try:
        served.ok("POST", "/v2/manage/webhooks", {"Event": "Login", "TargetUrl": receiver.url()})
        for _ in range(cycles):
            _loaded_and_killed(served, accepted, chance.uniform(0.05, 0.8))
            served.start()
        until(lambda: not served.ok("GET", "/v2/manage/deliveries?state=waiting&limit=1")["Data"], DRAIN_S)
    finally:
        served.stop()
        receiver.close()
    counts = Counter(request.id for request in receiver.requests)
    repeats = sum(count - 1 for count in counts.values())
    return Outcome(cycles, len(accepted), len(set(accepted) - set(counts)), repeats)


def _loaded_and_killed(served: Served, accepted: list[str], seconds: float) -> None:
    over = threading.Event()
    producers = [threading.Thread(target=_produce, args=(served, accepted, over)) for _ in range(PRODUCERS)]
    for producer in producers:
        producer.start()
    time.sleep(seconds)  # the instant of the kill is the experiment
    over.set()
    served.kill()
    for producer in producers:
        producer.join()


def _produce(served: Served, accepted: list[str], over: threading.Event) -> None:
    """Only ids that got their 202 are kept."""
    batch = [{"Event": "Login", "Data": {"Uid": f"u{number}"}} for number in range(BATCH)]
    while True:
        try:
            status, answer = served.call("POST", "/v2/events", batch)
        except (OSError, HTTPException, ValueError):  # cut off in the middle: no answer, or half of one
            if over.is_set():
                return
            raise
        assert status == 202
        accepted += [one["Id"] for one in answer["Data"]]


def main() -> None:
    options = argparse.ArgumentParser(prog="crash.cycles", description=__doc__)
    options.add_argument("--cycles", type=int, default=200)
    options.add_argument("--seed", type=int, default=0)
    stores.add_option(options)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, stores.new(given.store) as store:
        ca, certificate = certificates.make(Path(folder))
        outcome = run(Path(folder), given.cycles, given.seed, ca, certificate, store=store)
    print(
        f"{outcome.cycles} kills: {outcome.accepted:,} events accepted, {outcome.lost} lost, "
        f"{outcome.repeats} repeats ({outcome.repeats / outcome.cycles:.1f} a kill)"
    )
    sys.exit(not outcome.kept)


if __name__ == "__main__":
    main()
