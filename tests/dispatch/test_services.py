"""Services that end although they should not."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import pairwise

import pytest

from outrider.dispatch import services
from outrider.dispatch.services import kept_running


async def run_for(seconds: float, service: asyncio.Future[None] | asyncio.Task[None]) -> None:
    await asyncio.wait([service], timeout=seconds)
    service.cancel()
    with suppress(asyncio.CancelledError):
        await service


@pytest.mark.parametrize("how", ["returns", "fails"])
def test_a_service_that_ends_is_started_again_after_a_pause(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "RESTART_S", 0.05)
    began: list[float] = []

    async def play() -> None:
        clock = asyncio.get_running_loop().time
        done = asyncio.Event()

        async def service() -> None:
            began.append(clock())
            if len(began) >= 3:
                done.set()
                await asyncio.Event().wait()
            if how == "fails":
                raise ValueError("nobody foresaw this")

        running = asyncio.get_running_loop().create_task(kept_running(service))
        await asyncio.wait_for(done.wait(), 10)
        await run_for(0, running)

    asyncio.run(play())
    assert [later - earlier >= 0.04 for earlier, later in pairwise(began)] == [True, True]
    told = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(told) == 2
    assert all(("returned" in record.message) == (how == "returns") for record in told)
    assert all((record.exc_info is not None) == (how == "fails") for record in told)


def test_a_service_that_is_cancelled_stays_so(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        running = asyncio.get_running_loop().create_task(kept_running(asyncio.Event().wait))
        await run_for(0.01, running)
        assert running.cancelled()

    asyncio.run(play())
    assert not caplog.records
