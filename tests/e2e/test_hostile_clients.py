"""Hostile clients: what each shape is answered, what it costs, and that nobody else notices."""

from __future__ import annotations

import pytest

import hostile
from harness import Served
from hostile import SHAPES, Client, Shape

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
