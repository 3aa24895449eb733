"""The workbench: beside the loop, one at a time, tenants in turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from outrider.dispatch import work as module
from outrider.dispatch.work import Workbench
from outrider.domain.errors import Overloaded


def play(scene: Callable[[Workbench], Awaitable[None]]) -> None:
    async def run() -> None:
        bench = Workbench()
        try:
            async with asyncio.timeout(20):
                await scene(bench)
            assert not bench._waiting
        finally:
            bench.close()

    asyncio.run(run())


def test_tenants_take_turns() -> None:
    async def scene(bench: Workbench) -> None:
        go, order = threading.Event(), []
        first = asyncio.ensure_future(bench.run("flood", go.wait))
        rest = [asyncio.ensure_future(bench.run("flood", lambda: order.append("flood"))) for _ in range(10)]
        await asyncio.sleep(0)
        rest.append(asyncio.ensure_future(bench.run("quiet", lambda: order.append("quiet"))))
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *rest)
        assert order.index("quiet") <= 1
        assert len(order) == 11

    play(scene)


def test_the_loop_goes_on_meanwhile() -> None:
    async def scene(bench: Workbench) -> None:
        go = threading.Event()
        blocked = asyncio.ensure_future(bench.run("a", go.wait))
        await asyncio.sleep(0.01)
        assert not blocked.done()
        go.set()
        assert await blocked

    play(scene)


def test_what_fails_fails_alone() -> None:
    async def scene(bench: Workbench) -> None:
        bad, good = bench.run("a", lambda: 1 / 0), bench.run("a", lambda: 7)
        results = await asyncio.gather(bad, good, return_exceptions=True)
        assert isinstance(results[0], ZeroDivisionError)
        assert results[1] == 7
        assert await bench.run("b", lambda: 8) == 8

    play(scene)


def test_who_is_cancelled_is_passed_over() -> None:
    async def scene(bench: Workbench) -> None:
        go, ran = threading.Event(), []
        first = asyncio.ensure_future(bench.run("a", go.wait))
        given_up = asyncio.ensure_future(bench.run("a", lambda: ran.append("given up")))
        last = asyncio.ensure_future(bench.run("a", lambda: ran.append("last")))
        await asyncio.sleep(0)
        given_up.cancel()
        first.cancel()  # it has begun: it ends, and nobody hears of it
        go.set()
        await last
        assert ran == ["last"]

    play(scene)


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 2)

    async def scene(bench: Workbench) -> None:
        go = threading.Event()
        begun = threading.Event()
        first = asyncio.ensure_future(bench.run("a", lambda: begun.set() or go.wait()))
        await asyncio.to_thread(begun.wait)
        waiting = [asyncio.ensure_future(bench.run("a", lambda: None)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await bench.run("a", lambda: None)
        other = asyncio.ensure_future(bench.run("b", lambda: None))
        go.set()
        await asyncio.gather(first, *waiting, other)

    play(scene)
