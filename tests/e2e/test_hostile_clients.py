"""Hostile clients: what each shape is answered, what it costs, and that nobody else notices."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

import hostile
from harness import Served, until
from hostile import SHAPES, Client, Shape
from outrider.descriptors import HEADROOM, OWN, divide

pytestmark = pytest.mark.slow
MEMORY = 32 * 1024 * 1024  # a body of the largest size, read and joined
PROCESSOR_S = 1.5


def address(served: Served) -> tuple[str, int]:
    host, port = served.url.removeprefix("http://").split(":")
    return host, int(port)


def test_there_are_enough_shapes() -> None:
    assert len(SHAPES) >= 60
    assert len({(shape.kind, shape.name) for shape in SHAPES}) == len(SHAPES)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.kind}-{shape.name}")
def test_a_shape(shared: Served, shape: Shape) -> None:
    pid = shared.process.pid
    hostile.forget(pid)
    memory, processor = hostile.used(pid)
    with Client(address(shared)) as peer:
        sent = peer.send(shape.pieces())
        status, headers = peer.answer()
        assert status == shape.status, (sent, headers)
        if shape.closes:
            peer.keep_sending(shape.pieces()) if not isinstance(shape.sent, bytes) else None
            assert peer.closed()
        else:
            assert headers["keep-alive"] == "timeout=75"
            peer.socket.sendall(hostile.GOOD)
            assert peer.answer()[0] == 202
    memory_after, processor_after = hostile.used(pid)
    assert memory_after - memory < MEMORY
    assert processor_after - processor < PROCESSOR_S
    with Client(address(shared), 2) as good:
        good.socket.sendall(hostile.GOOD)
        assert good.answer()[0] == 202


class Few(Served):
    """A process that may open few files."""

    program = (
        "-c",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512));"  # noqa: ISC004 - one program
        "from outrider.cli.main import main; main()",
    )


def good(served: Served, seconds: float = 5) -> int | None:
    with Client(address(served), seconds) as peer:
        peer.socket.sendall(hostile.GOOD)
        return peer.answer()[0]


def lines(served: Served, text: str) -> list[str]:
    return [line for line in (served.folder / "log").read_text().splitlines() if text in line]


def test_few_descriptors(tmp_path: Path, on: Callable[[], dict[str, str]]) -> None:
    """Far more clients than descriptors: each is accepted, those that wait longest go, and one line says so."""
    division = divide(512, 10, None)
    served = Few(tmp_path, **on()).start()
    try:
        with ExitStack() as stack:
            for count in range(1, 1_001):
                stack.enter_context(Client(address(served)))
                if count % 100 == 0:
                    assert good(served) == 202
                    assert hostile.descriptors(served.process.pid) <= division.incoming + HEADROOM + OWN
            assert served.ok("GET", "/v2/manage/system")["Owed"] == 0
        assert len(lines(served, f"the bound is {division.incoming}")) in {1, 2}  # one in ten seconds
        assert lines(served, f"{division.incoming} connections at a time instead of")
    finally:
        assert served.stop() == 0


def test_no_descriptor_at_all(serve: Callable[..., Served]) -> None:
    """What should never happen: others have them all. Clients wait until a connection is closed for them."""
    served = serve()
    pid = served.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.enter_context(Client(address(served)))
        most = hostile.descriptors(pid) + 3
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, before[1]))
        for _ in range(20):
            stack.enter_context(Client(address(served)))
        for _ in range(3):
            assert good(served) == 202
        until(lambda: lines(served, "no descriptor is free"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert good(served) == 202
    assert len(lines(served, "no descriptor is free")) in {1, 2}


@pytest.mark.parametrize(
    ("limit", "settings", "said"),
    [
        (128, {}, "RLIMIT_NOFILE: expected at least"),
        (512, {"OUTRIDER_MAX_CONNECTIONS": "400"}, "OUTRIDER_MAX_CONNECTIONS: expected at most"),
    ],
)
def test_too_few_descriptors_to_start(tmp_path: Path, limit: int, settings: dict[str, str], said: str) -> None:
    program = Few.program[1].replace("512", str(limit))
    environment = Served(tmp_path, **settings).environment()
    command = [sys.executable, "-c", program, "serve"]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 78
    assert said in ended.stderr.decode()


def test_a_stop_is_held_by_nobody(serve: Callable[..., Served]) -> None:
    served = serve(OUTRIDER_STOP_GRACE_MS="30000")
    with ExitStack() as stack:
        for sent in (
            b"",
            b"\r\n",
            hostile.GOOD[:-1],
            hostile.GOOD[:40],
            b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 100,
        ):
            stack.enter_context(Client(address(served))).socket.sendall(sent)
        time.sleep(0.2)
        began = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - began < 15


def test_two_hundred_at_once(serve: Callable[..., Served]) -> None:
    """Everybody else is served; `hostile` of bench/scenarios.py has what it costs them."""
    served = serve()
    _, port = address(served)
    quiet = [took(served) for _ in range(200)]
    with hostile.swarming(port, 200):
        until(lambda: hostile.descriptors(served.process.pid) > 150)
        loud = [took(served) for _ in range(400)]
        assert hostile.descriptors(served.process.pid) < 400
        assert served.ok("GET", "/health")["Ready"]
    high, _ = hostile.used(served.process.pid)
    assert high < 300 * 1024 * 1024
    assert p99(loud) < max(5 * p99(quiet), 1.0)


def took(served: Served) -> float:
    began = time.monotonic()
    assert good(served) == 202
    return time.monotonic() - began


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]
