"""Steady time: what a jump of the clock, a restart and other nodes do to it, on either store."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from clocks import SetClock
from outrider.domain.clock import DAY, HOUR, JUMP, SECOND, Anchor
from outrider.ports.queue import Pulse
from outrider.ports.system import About
from outrider.store.postgres.database import open_database
from outrider.store.postgres.steady import KEPT_EVERY, SteadyTime
from outrider.store.sqlite import database as sqlite
from postgres import Postgres

ABOUT = About("host", 1, "0", (), 0)
NOW = 1_767_225_600_000
DEAD_AFTER = 6_000
BEAT = 2 * SECOND


@pytest.mark.parametrize("jump", [-5 * HOUR, -SECOND, 0, SECOND, 5 * HOUR, 30 * DAY])
def test_on_sqlite_it_goes_on_over_jumps_and_restarts(tmp_path: Path, jump: int) -> None:
    """A jump that the process saw changes nothing, and a clock set back between two processes holds nothing up."""

    async def life(clock: SetClock, *jumps: int) -> int:
        """A beat, and one after each jump."""
        database = await sqlite.open_database(str(tmp_path / "a.db"), f"{clock.now()}", clock=clock, about=ABOUT)
        try:
            await database.queue.heartbeat(DEAD_AFTER)
            for by in jumps:
                clock.wall += by
                clock.passed += BEAT
                await database.queue.heartbeat(DEAD_AFTER)
        finally:
            await database.close()
        return clock.steady()

    first = SetClock(NOW)
    assert asyncio.run(life(first, 0, jump, 0)) == NOW + 3 * BEAT
    second = SetClock(first.now() + HOUR)  # an hour later
    assert asyncio.run(life(second, 0)) == NOW + 4 * BEAT + HOUR
    third = SetClock(second.now() - 5 * HOUR)  # set back meanwhile
    assert asyncio.run(life(third, 0)) == NOW + 5 * BEAT + HOUR


class Nodes:
    """Nodes that share a database whose clock can be set."""

    def __init__(self, count: int) -> None:
        self.clocks = [SetClock(NOW) for _ in range(count)]
        self.steady = [SteadyTime(clock) for clock in self.clocks]
        self.kept: Anchor | None = None
        self.wall = NOW
        self.away = False

    def beat(self, number: int, *, given_up: bool = False, answer_took: int = 0) -> bool:
        clock = self.clocks[number]
        asked, wall = clock.steady(), self.wall
        self.pass_time(answer_took)
        anchor, was_set = self.steady[number].follow(self.kept, wall, asked=asked, given_up=given_up)
        if anchor is not None and not self.away:
            self.kept = anchor
            self.steady[number].kept(anchor)
        return was_set

    def beat_all(self, times: int = 1) -> list[bool]:
        found = []
        for _ in range(times):
            self.pass_time(BEAT)
            found += [self.beat(number) for number in range(len(self.clocks))]
        return found

    def pass_time(self, milliseconds: int) -> None:
        self.wall += milliseconds
        for clock in self.clocks:
            clock.passed += milliseconds

    def now(self) -> list[int]:
        return [clock.steady() for clock in self.clocks]


@pytest.mark.parametrize("jump", [-30 * DAY, -HOUR, -3 * SECOND, 3 * SECOND, HOUR, 30 * DAY])
def test_nodes_keep_their_time_when_the_databases_clock_is_set(jump: int, caplog: pytest.LogCaptureFixture) -> None:
    nodes = Nodes(3)
    nodes.beat_all(10)
    before = nodes.now()[0]
    nodes.wall += jump
    assert nodes.beat_all() == [True, True, True]  # one by the clocks, the others by what it kept
    assert nodes.now() == [before + BEAT] * 3
    assert not any(nodes.beat_all(100))
    assert nodes.now() == [before + 101 * BEAT] * 3
    told = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(told) == 1
    joined = SetClock(nodes.wall)
    SteadyTime(joined).follow(nodes.kept, nodes.wall, asked=joined.steady(), given_up=False)
    assert joined.steady() == nodes.now()[0]


def test_an_anchor_that_could_not_be_stored_is_moved_with_the_next_beat() -> None:
    nodes = Nodes(2)
    nodes.beat_all(10)
    before = nodes.now()[0]
    nodes.wall -= HOUR
    nodes.away = True
    nodes.beat_all(3)
    nodes.away = False
    nodes.beat_all(3)
    assert nodes.now() == [before + 6 * BEAT] * 2


def test_slow_clocks_follow_the_database() -> None:
    nodes = Nodes(2)
    nodes.beat_all()
    for _ in range(50):
        nodes.clocks[0].passed -= 40  # 2 %
        assert nodes.beat_all() == [False, False]
    assert abs(nodes.now()[0] - nodes.now()[1]) <= 40


def test_a_slow_answer_is_no_jump() -> None:
    nodes = Nodes(1)
    nodes.beat_all(3)
    before = nodes.now()[0]
    assert not nodes.beat(0, answer_took=2 * JUMP)
    assert nodes.now()[0] == before + 2 * JUMP


@pytest.mark.parametrize("given_up", [True, False])
def test_a_node_that_stood_still_without_knowing_agrees_with_the_others_again(given_up: bool) -> None:
    """As a machine that is paused from outside: its clocks stand still, the database's goes on. Given up, it takes
    the others' time; otherwise they take its own, and the pause, which was short, is added to what they wait."""
    nodes = Nodes(3)
    nodes.beat_all(3)
    before = nodes.now()[1]
    nodes.clocks[0].passed -= 5 * SECOND
    nodes.beat(0, given_up=given_up)
    nodes.beat_all(5)
    assert nodes.now() == [before + 5 * BEAT - (0 if given_up else 5 * SECOND)] * 3
    assert not any(nodes.beat_all(20))


def test_when_every_node_ended_a_clock_set_back_holds_nothing_up() -> None:
    nodes = Nodes(1)
    nodes.beat_all(100)
    last = nodes.now()[0]
    nodes.wall -= HOUR
    later = SetClock(nodes.wall)
    SteadyTime(later).follow(nodes.kept, nodes.wall, asked=later.steady(), given_up=False)
    assert 0 <= last - later.steady() <= KEPT_EVERY


def test_a_clock_that_is_set_wrong_and_right_again_changes_nothing() -> None:
    nodes = Nodes(2)
    nodes.beat_all(3)
    for jump in (HOUR, -HOUR, -5 * HOUR, 5 * HOUR):
        before = nodes.now()[0]
        nodes.wall += jump
        nodes.beat_all(2)
        assert nodes.now() == [before + 2 * BEAT] * 2


_SETTABLE = """
CREATE TABLE set_by (ms bigint NOT NULL);
INSERT INTO set_by VALUES (0);
CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + ms FROM set_by';
"""
_SET = "UPDATE set_by SET ms = ms + $1"


class Cluster:
    """Real nodes on one database. What passes between beats is made up."""

    def __init__(self) -> None:
        self.clocks: dict[str, SetClock] = {}
        self.nodes: dict[str, Any] = {}

    async def join(self, url: str, name: str) -> None:
        self.clocks[name] = SetClock(NOW)
        self.nodes[name] = await open_database(
            url, name, clock=self.clocks[name], size=5, about=ABOUT, dispatches=True, keeps_house=True
        )

    async def do(self, statement: str, *given: int) -> None:
        first = next(iter(self.nodes.values()))
        await first._writers.run(lambda connection: connection.execute(statement, *given))

    async def beat(self, *names: str) -> list[Pulse]:
        return [await self.nodes[name].queue.heartbeat(DEAD_AFTER) for name in names]

    async def pass_time(self, milliseconds: int) -> None:
        await self.do(_SET, milliseconds)
        for clock in self.clocks.values():
            clock.passed += milliseconds

    async def close(self) -> None:
        for node in self.nodes.values():
            await node.close()


@pytest.mark.parametrize("jump", [-5 * HOUR, 5 * HOUR])
def test_who_is_alive_stays_so_when_the_databases_clock_is_set_and_who_is_dead_does_not(
    postgres_server: Postgres, jump: int
) -> None:
    """Three nodes beat one after the other, and a fourth one is dead."""
    url = postgres_server.database()

    async def play(cluster: Cluster) -> None:
        for name in ("a", "b", "c", "dead"):
            await cluster.join(url, name)
        await cluster.do(_SETTABLE)
        await cluster.beat("a", "b", "c", "dead")
        began = cluster.clocks["a"].steady()
        await cluster.pass_time(BEAT)
        await cluster.beat("a", "b", "c")
        await cluster.do(_SET, jump)
        for beat in range(12):
            await cluster.pass_time(BEAT)
            for pulse in await cluster.beat("a", "b", "c"):
                assert not pulse.lost
                assert {"a", "b", "c"} <= set(pulse.peers)
                assert beat > 1 or "dead" in pulse.peers  # too early to tell
        assert pulse.peers == ("a", "b", "c")
        for name in ("a", "b", "c"):
            passed = cluster.clocks[name].steady() - began
            assert 0 <= passed - 13 * BEAT <= 10 * SECOND  # and what really passed

    async def whole() -> None:
        cluster = Cluster()
        try:
            await play(cluster)
        finally:
            await cluster.close()

    asyncio.run(whole())
