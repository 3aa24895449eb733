"""More than a hundred hostile receivers: every attempt ends in time, for its reason, and memory stays."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from egress import certs, hostile
from outrider.domain.address import AddressPolicy
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.ports.sender import Failure, Reply, Request

TIMEOUT_MS = 500
SLACK_MS = 250
AT_A_TIME = 12
GROWTH_MB = 24  # of all shapes at once; one answer that was not bounded took thousands
PAGE = os.sysconf("SC_PAGE_SIZE")
SHAPES = hostile.shapes()
Outcome = tuple[Any, float]


class Played:
    """What the sender made of every shape, how long it took in milliseconds, and how much memory grew by."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.growth_mb = 0.0
        self.left_open = 0


@pytest.fixture(scope="module")
def receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Path], dict[str, int]]]:
    """Certificates, and the port of each listener."""
    folder = tmp_path_factory.mktemp("certificates")
    made = certs.make(folder)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "egress.hostile", str(folder)],
        cwd=Path(__file__).parent.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield made, json.loads(process.stdout.readline())
    process.communicate("")


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def played(request: pytest.FixtureRequest, receivers: tuple[dict[str, Path], dict[str, int]]) -> Played:
    factory = uvloop.new_event_loop if request.param == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_play_all(*receivers))


async def _play_all(made: dict[str, Path], ports: dict[str, int]) -> Played:
    sockets = _open_sockets()
    sender = HttpSender(AddressPolicy.parse("127.0.0.0/8"), make_tls_context(str(made["ca"])))
    turns = asyncio.Semaphore(AT_A_TIME)
    found = Played()

    async def one(name: str, listener: str, number: int) -> None:
        async with turns:
            found.outcomes[name] = await _timed(sender, ports[listener], number)

    await asyncio.gather(*(one(*shape[:3]) for shape in SHAPES[::4]))  # what a process needs once
    before = _resident_mb()
    peak = asyncio.ensure_future(_peak_mb())
    await asyncio.gather(*(one(*shape[:3]) for shape in SHAPES))
    peak.cancel()
    found.growth_mb = await peak - before
    for name, listener, number, _ in SHAPES:  # whoever was late may show that the machine was
        if found.outcomes[name][1] > TIMEOUT_MS + SLACK_MS:
            await one(name, listener, number)
    await sender.close()
    await asyncio.sleep(0.05)
    found.left_open = _open_sockets() - sockets
    return found


async def _timed(sender: HttpSender, port: int, number: int) -> Outcome:
    request = Request(f"https://127.0.0.1:{port}/{number}", (("x-a", "b"),), b"{}", TIMEOUT_MS)
    started = time.perf_counter()
    answer = await sender.send(request)
    return answer, (time.perf_counter() - started) * 1000


async def _peak_mb() -> float:
    peak = 0.0
    try:
        while True:
            peak = max(peak, _resident_mb())
            await asyncio.sleep(0.002)
    except asyncio.CancelledError:
        return peak


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def _open_sockets() -> int:
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())


def test_there_are_a_hundred_and_more() -> None:
    assert len({name for name, *_ in SHAPES}) == len(SHAPES) >= 100


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, _, _, kind in SHAPES], ids=[s[0] for s in SHAPES]
)
def test_it_ends_in_time_for_its_reason(played: Played, name: str, kind: Any) -> None:
    answer, took = played.outcomes[name]
    assert took <= TIMEOUT_MS + SLACK_MS, answer
    shown = _shown(answer)
    assert shown == kind or shown in kind, answer
    if isinstance(answer, Failure):
        assert answer.detail
    if shown == "timeout":
        assert took >= TIMEOUT_MS - 2


def _shown(answer: Reply | Failure) -> str:
    if isinstance(answer, Failure):
        return str(answer.kind)
    return "cut" if answer.body_cut else str(answer.status)


def test_memory_stays_flat(played: Played) -> None:
    assert played.growth_mb < GROWTH_MB


def test_nothing_stays_open(played: Played) -> None:
    assert played.left_open <= 0


def test_a_trailer_does_not_pass_for_a_header(played: Played) -> None:
    answer, _ = played.outcomes["a trailer that asks for a pause"]
    assert "retry-after" not in dict(answer.headers)
