"""The heartbeat's own pace."""

import asyncio

import pytest

from clocks import SetClock
from outrider.dispatch import heartbeat
from outrider.dispatch.lease import Lease, Peers
from outrider.domain.errors import StoreTooNew, StoreUnavailable
from outrider.domain.readiness import Unready
from outrider.ports.queue import Pulse


class Dead:
    """A queue in which a silent process held so many deliveries that they take several beats."""

    def __init__(self, beats: list[Pulse | Exception]) -> None:
        self._beats = beats
        self.done = asyncio.Event()
        self.failed = asyncio.Event()

    async def heartbeat(self, _: int) -> Pulse:
        found = self._beats.pop(0)
        if not self._beats:
            self.done.set()
        if isinstance(found, Exception):
            self.failed.set()
            raise found
        return found


def beating(queue: Dead) -> heartbeat.Heartbeat:
    async def lost() -> None:
        raise AssertionError("nobody gave us up")

    return heartbeat.Heartbeat(
        queue, Lease(), Peers(), SetClock(), renewed=lambda: None, freed=lambda: None, lost=lost
    )


def pulse(*, unfinished: bool) -> Pulse:
    return Pulse(5, lost=False, me="a", peers=("a",), unfinished=unfinished)


def took(beats: list[Pulse | Exception], monkeypatch: pytest.MonkeyPatch) -> float:
    """Rests before these beats, as multiples of the usual one."""
    rests: list[float] = []
    count = len(beats)
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        rests.append(seconds / heartbeat.BEAT_S)
        await sleep(0)

    async def run() -> None:
        queue = Dead(beats)
        task = asyncio.get_running_loop().create_task(beating(queue).run())
        await asyncio.wait_for(queue.done.wait(), 10)
        task.cancel()
        await asyncio.wait([task])

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", counted)
        asyncio.run(run())
    return sum(rests[:count])


def test_what_many_beats_take_is_taken_over_without_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert took([pulse(unfinished=True)] * 9 + [pulse(unfinished=False)], monkeypatch) == 1


def test_a_store_that_is_away_gets_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    away = StoreUnavailable("away")
    assert took([pulse(unfinished=True), away, away, pulse(unfinished=False)], monkeypatch) == 3


def test_what_it_tells_balancers() -> None:
    async def play() -> None:
        queue = Dead([pulse(unfinished=False), StoreTooNew("left behind"), pulse(unfinished=False)])
        lease = Lease()
        told: list[Unready | None] = []

        async def lost() -> None:
            raise AssertionError("nobody gave us up")

        beating = heartbeat.Heartbeat(
            queue, lease, Peers(), SetClock(), renewed=lambda: None, freed=lambda: None, lost=lost
        )
        told.append(beating.unready)
        await beating.beat()
        told.append(beating.unready)
        task = asyncio.get_running_loop().create_task(beating.run())
        async with asyncio.timeout(10):
            await queue.failed.wait()
            await asyncio.sleep(0)
            told.append(beating.unready)
            await queue.done.wait()
            await asyncio.sleep(0)
            told.append(beating.unready)
        task.cancel()
        await asyncio.wait([task])
        assert told == [Unready.LEASE_LOST, None, Unready.STORE_TOO_NEW, None]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heartbeat, "BEAT_S", 0.01)
        patch.setattr(heartbeat, "BEATS_UNTIL_DEAD", 10_000)
        asyncio.run(play())


def test_a_wall_clock_that_was_set_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = SetClock(10**12)

    async def lost() -> None:
        raise AssertionError("nobody gave us up")

    async def play() -> None:
        queue = Dead([pulse(unfinished=False)] * 4)
        beat = heartbeat.Heartbeat(
            queue, Lease(), Peers(), clock, renewed=lambda: None, freed=lambda: None, lost=lost
        ).beat
        await beat()
        clock.passed += 2_000
        await beat()
        clock.passed += 2_000
        clock.wall -= 3_600_000
        await beat()
        clock.passed += 2_000
        await beat()

    asyncio.run(play())
    told = [r.getMessage() for r in caplog.records if "wall clock" in r.getMessage()]
    assert len(told) == 1
    assert "set by -3600.0 s" in told[0]
