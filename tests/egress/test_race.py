"""A host of several addresses is reached by the first that takes a connection (RFC 8305)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from egress.test_pool import becomes
from egress.world import OK, World, says, silent
from outrider.domain.address import AddressPolicy
from outrider.egress import race
from outrider.egress.pool import Pool
from outrider.egress.race import TRIED, first_connected, in_order
from outrider.egress.sender import HttpSender
from outrider.ports.sender import Failure, FailureKind, Reply

PATIENCE_MS = 5_000
LATE_MS = 2_000  # far below what a dead address takes


def v4(address: str, port: int) -> tuple[Any, ...]:
    return (socket.AF_INET, 1, 6, "", (address, port))


def v6(address: str, port: int) -> tuple[Any, ...]:
    return (socket.AF_INET6, 1, 6, "", (address, port, 0, 0))


@contextmanager
def dead(address: str, port: int = 0) -> Iterator[int]:
    """A port that answers nothing: its listener's queue is full, so that what comes is dropped."""
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(0)
        port = listener.getsockname()[1]
        fill = [socket.socket() for _ in range(8)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex((address, port))
        yield port
        for one in fill:
            one.close()


def open_sockets() -> int:
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())


def answered_by(*addresses: str) -> Any:
    async def resolve(host: str, port: int) -> list[tuple[Any, ...]]:
        return [v6(one, port) if ":" in one else v4(one, port) for one in addresses]

    return resolve


@pytest.mark.parametrize(
    ("before", "stagger"),
    [(["127.0.0.2"], 1), (["127.0.0.2", "127.0.0.3"], 2), (["127.0.0.4"], 0), (["127.0.0.4", "127.0.0.2"], 1)],
    ids=["dead", "two dead", "refuses", "refuses, dead"],
)
def test_the_next_address_is_tried_after_a_quarter_of_a_second_or_a_failure(
    run: Any, authority: tuple[Path, Path], before: list[str], stagger: int
) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        with dead("127.0.0.2", world.port), dead("127.0.0.3", world.port):
            at_first = open_sockets()
            reply = await sender.send(world.request(timeout_ms=PATIENCE_MS))
            await becomes(lambda: open_sockets() <= at_first + 2)  # both ends of the one that is kept
        assert sender._pool._lent == 0
        return reply

    resolve = answered_by(*before, "127.0.0.1")
    reply = run(World(authority).play(says(OK, again=True), use, resolve=resolve))
    assert isinstance(reply, Reply), reply
    assert 250 * stagger - 5 <= reply.timing.connect_ms < LATE_MS
    assert reply.timing.total_ms >= reply.timing.connect_ms + reply.timing.tls_ms


def test_both_families_take_turns(run: Any, authority: tuple[Path, Path]) -> None:
    """IPv6 refuses: 16 of its addresses come before the one of IPv4 that works."""
    resolve = answered_by(*["::1"] * 2, *(f"::ffff:127.0.1.{n}" for n in range(16)), "127.0.0.1")
    policy = AddressPolicy.parse("127.0.0.0/8,::1/128")

    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request(timeout_ms=PATIENCE_MS))

    reply = run(World(authority).play(says(OK), use, resolve=resolve, policy=policy))
    assert isinstance(reply, Reply), reply


def test_the_order() -> None:
    found = [v6("::1", 1), v6("::1", 1), v6("::2", 1), v6("::3", 1), v4("1.0.0.1", 1), v4("1.0.0.2", 1)]
    assert [one[4][0] for one in in_order(found)] == ["::1", "1.0.0.1", "::2", "1.0.0.2", "::3"]
    assert [one[4][0] for one in in_order(reversed(found))][:2] == ["1.0.0.2", "::3"]
    assert len(in_order(v4(f"1.0.0.{n}", 1) for n in range(100))) == TRIED


def test_all_dead_is_a_timeout_and_leaves_nothing_open(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        with dead("127.0.0.2", world.port), dead("127.0.0.3", world.port):
            at_first = open_sockets()
            answers = await asyncio.gather(*(sender.send(world.request(timeout_ms=400)) for _ in range(5)))
            await becomes(lambda: open_sockets() <= at_first)
        assert (sender._pool.open, world.accepted) == (0, 0)
        return answers

    resolve = answered_by("127.0.0.2", "127.0.0.3")
    assert {a.kind for a in run(World(authority).play(silent, use, resolve=resolve))} == {FailureKind.TIMEOUT}


def test_all_refuse(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request())

    answer = run(World(authority).play(silent, use, resolve=answered_by("127.0.0.2", "127.0.0.3")))
    assert isinstance(answer, Failure)
    assert (answer.kind, answer.detail) == (FailureKind.CONNECT, "the connection was refused")


def test_one_address_outside_the_policy_refuses_the_host(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request())

    world = World(authority)
    answer = run(world.play(silent, use, resolve=answered_by("127.0.0.1", "10.0.0.1")))
    assert isinstance(answer, Failure)
    assert (answer.kind, world.accepted) == (FailureKind.REFUSED_BY_POLICY, 0)


def test_whoever_connects_second_is_closed(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All start at once, so that several connect in one turn of the loop."""
    monkeypatch.setattr(race, "STAGGER_S", 0.0)

    async def use() -> int:
        with ExitStack() as stack:
            listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
            at_first, pool = open_sockets(), Pool(100)
            kept = []
            for _ in range(5):
                addresses = [v4("127.0.0.1", one.getsockname()[1]) for one in listeners]
                kept.append(await first_connected(addresses, pool))
            await becomes(lambda: open_sockets() <= at_first + len(kept))
            for sock in kept:
                sock.close()
            return pool._lent

    assert run(use()) == 0


def test_without_room_one_is_tried_at_a_time(run: Any) -> None:
    async def use() -> None:
        pool = Pool(4)
        assert pool.lend()  # all that may be lent of four
        with dead("127.0.0.2") as port, socket.create_server(("127.0.0.1", 0)) as listener:
            there = v4("127.0.0.1", listener.getsockname()[1])
            late = asyncio.ensure_future(first_connected([v4("127.0.0.2", port), there], pool))
            await asyncio.sleep(0.4)
            assert not late.done()
            pool.give_back()
            (await asyncio.wait_for(late, 5)).close()
            (await first_connected([v4("127.0.0.3", port), there], pool)).close()

    run(use())
