"""Which certificates are taken: the same on every Python."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from egress import certs
from egress.world import World, one, says, silent
from outrider.egress.sender import HttpSender
from outrider.egress.tls import make_tls_context
from outrider.ports.sender import Failure, FailureKind, Reply

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return certs.make(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    ("shown", "trusted", "fault"),
    [
        ("good", "ca", ""),  # of a CA without key usage and key identifiers
        ("no-intermediate", "middle", ""),  # an intermediate that the operator names is trusted
        ("good", "good", ""),  # and so is the receiver's own
        ("self-signed", "self-signed", ""),
        ("no-san", "ca", "another host name"),
        ("other-name", "ca", "another host name"),
        ("expired", "ca", "expired"),
        ("expired", "expired", "expired"),
        ("self-signed", "ca", "self-signed"),
        ("no-intermediate", "ca", "issuer is not trusted"),
        ("good", "middle", "issuer is not trusted"),
        ("good", "self-signed", "issuer is not trusted"),
    ],
)
def test_the_verdict(run: Any, made: dict[str, Path], shown: str, trusted: str, fault: str) -> None:
    answer = run(World((made[trusted], made[shown])).play(says(OK), one))
    if not fault:
        assert isinstance(answer, Reply), answer
        return
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.CERTIFICATE
    assert fault in answer.detail


def test_nothing_is_left_to_the_default_of_a_python() -> None:
    context = make_tls_context(None)
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize(
    ("host", "named"), [("localhost.", "localhost"), ("LocalHost", "localhost"), ("127.1", None)]
)
def test_the_name_in_tls(run: Any, made: dict[str, Path], host: str, named: str | None) -> None:
    """Without the final dot, and none for an address (RFC 6066, section 3)."""
    asked: list[str | None] = []
    heard: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()

    def prepared(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda _, name, __: asked.append(name)

    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request(host=host))

    world = World((made["ca"], made["good"]), prepared)
    answer = run(world.play(peer, use))
    assert isinstance(answer, Reply), answer
    assert asked == [named]
    kept = {"127.1": "127.0.0.1"}.get(host, host.lower())
    assert f"\r\nhost: {kept}:{world.port}\r\n".encode() in heard[0]


def test_a_host_that_was_saved_when_it_could_be_dialled_is_the_receivers_fault(
    run: Any, made: dict[str, Path]
) -> None:
    async def use(world: World, sender: HttpSender) -> Any:
        return await sender.send(world.request(host="☃.net"))

    answer = run(World((made["ca"], made["good"])).play(silent, use))
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.DNS
