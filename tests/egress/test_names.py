"""Names that hang hold up nobody but those who need them; addresses are not looked up at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egress.nameserver import AAAA, A, NameServer
from egress.world import OK, World, one, says, silent
from outrider.domain.address import AddressPolicy
from outrider.domain.errors import OurError
from outrider.egress import names, race
from outrider.egress.faults import NotConnected
from outrider.egress.names import Names, SystemResolve
from outrider.egress.sender import HttpSender
from outrider.ports.sender import Failure, FailureKind, Reply

LATE_S = 2.0  # many times what an answer takes, and far below what a question that hangs does


async def never(host: str, port: int) -> list[Any]:
    await asyncio.sleep(3600)
    return []


@pytest.fixture
def busy_server() -> Iterator[str]:
    """Where a name server in a process of its own is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "egress.nameserver"],
        cwd=Path(__file__).parent.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield process.stdout.readline().strip()
    process.communicate("")


def test_two_thousand_names_that_hang_hold_up_nobody_else(
    run: Any, authority: tuple[Path, Path], busy_server: str
) -> None:
    async def use(world: World, _: HttpSender) -> list[Reply | Failure]:
        resolve = SystemResolve([busy_server])
        sender = world.sender(resolve=resolve, connections=4_000)

        def hang(name: str) -> asyncio.Future[Any]:
            return asyncio.ensure_future(sender.send(world.request(host=f"{name}.hang.test", timeout_ms=20_000)))

        hanging = [hang(f"n{n}") for n in range(2_000)]
        answers = []
        try:
            for n in range(20):
                hanging.append(hang(f"new{n}"))
                started = time.monotonic()
                answers.append(await sender.send(world.request(host=f"n{n}.good.test", timeout_ms=20_000)))
                assert time.monotonic() - started < LATE_S
                assert not hanging[n].done()
        finally:
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            await sender.close()
            await resolve.close()
        return answers

    answers = run(World(authority).play(says(OK, again=True), use))
    # The receiver's certificate is for localhost: it was reached.
    assert {answer.kind for answer in answers} == {FailureKind.CERTIFICATE}


def test_an_address_waits_for_no_resolver(run: Any, authority: tuple[Path, Path]) -> None:
    async def use(world: World, sender: HttpSender) -> Reply | Failure:
        return await sender.send(world.request(host="127.0.0.1"))

    reply = run(World(authority).play(says(OK), use, resolve=never))
    assert isinstance(reply, Reply)
    assert reply.timing.dns_ms is None


def test_a_name_that_hangs_is_a_timeout_of_its_own(run: Any, authority: tuple[Path, Path]) -> None:
    answer = run(World(authority).play(silent, one, resolve=never))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.TIMEOUT


def test_many_who_want_a_name_ask_once(run: Any) -> None:
    async def use() -> NameServer:
        server = await NameServer.start()
        resolve = SystemResolve([server.where])
        found = Names(resolve)
        for _ in range(2):  # at once, and out of what is known
            answers = await asyncio.gather(*(found.find("a.good.test", 443) for _ in range(50)))
            assert {answer[0][4] for answer in answers} == {("127.0.0.1", 443)}
        for _ in range(2):
            refused = await asyncio.gather(
                *(found.find("a.nx.test", 443) for _ in range(50)), return_exceptions=True
            )
            assert {type(error) for error in refused} == {NotConnected}
        await resolve.close()
        server.close()
        return server

    server = run(use())
    assert {count for (name, _), count in server.asked.items() if name == "a.good.test"} == {1}
    assert server.asked["a.nx.test", A] == server.asked["a.nx.test", AAAA] == 1


def test_a_failure_is_forgotten_before_the_next_attempt(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "FAILURE_KEPT_S", 0.0)
    asked = []

    async def resolve(host: str, port: int) -> list[Any]:
        asked.append(host)
        raise OSError

    async def use() -> None:
        found = Names(resolve)
        for _ in range(3):
            with pytest.raises(NotConnected):
                await found.find("a.test", 443)

    run(use())
    assert len(asked) == 3
    assert names.FAILURE_KEPT_S < 4  # the first wait between attempts is 5 s, less a fifth


def test_a_resolver_that_never_comes_back_is_given_up(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "ASKED_FOR_S", 0.01)

    async def use() -> None:
        found = Names(never)
        with pytest.raises(NotConnected):
            await found.find("a.test", 443)
        assert found._asked == {}

    run(use())


def test_what_is_known_is_bounded(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "NAMES_KEPT", 10)
    asked = []

    async def resolve(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    async def use() -> None:
        found = Names(resolve)
        for n in range(30):
            await found.find(f"n{n}.test", 443)
        assert len(found._known) == 10
        await found.find("n29.test", 443)
        assert len(asked) == 30
        await found.find("n0.test", 443)

    run(use())
    assert len(asked) == 31


def test_too_many_questions_are_our_fault(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "ASKED_AT_ONCE", 5)

    async def use() -> None:
        found = Names(never)
        waiting = [asyncio.ensure_future(found.find(f"n{n}.test", 443)) for n in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(OurError):
            await found.find("another.test", 443)
        assert await found.find("127.0.0.1", 443)
        for task in [*waiting, *found._asked.values()]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(use())


def test_what_the_resolver_caches_is_bounded(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "RECORDS_CACHED", 6)
    monkeypatch.setattr(names, "TRIES", 1)

    async def use() -> None:
        server = await NameServer.start()
        resolve = SystemResolve([server.where])
        late = asyncio.ensure_future(resolve("a.hang.test", 443))
        await asyncio.sleep(0.01)
        first = resolve._asker
        for n in range(4):
            await resolve(f"n{n}.good.test", 443)
        assert resolve._asker is not first
        await resolve("n0.good.test", 443)
        assert server.asked["n0.good.test", A] == 2  # the first cache is gone
        with pytest.raises(OSError, match="Timeout"):  # what was asked before has its time
            await late
        await resolve.close()
        server.close()

    run(use())


def test_a_name_with_a_thousand_addresses(run: Any, authority: tuple[Path, Path]) -> None:
    dialled = []

    async def resolve(host: str, port: int) -> list[Any]:
        return [(2, 1, 6, "", (f"127.1.{n // 250}.{n % 250 + 1}", 1)) for n in range(1_000)]

    class Watched(AddressPolicy):
        def refusal(self, address: str) -> str | None:
            dialled.append(address)
            return super().refusal(address)

    policy = Watched(AddressPolicy.parse("127.0.0.0/8")._allow)
    answer = run(World(authority).play(silent, one, policy=policy, resolve=resolve))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.CONNECT
    assert len(dialled) == names.ADDRESSES
    assert race.TRIED <= names.ADDRESSES


def test_localhost_is_what_the_hosts_file_and_rfc_6761_say(run: Any) -> None:
    async def use() -> set[str]:
        resolve = SystemResolve()
        found = await resolve("localhost", 443)
        await resolve.close()
        await resolve.close()
        return {address[4][0] for address in found}

    assert "127.0.0.1" in run(use())
