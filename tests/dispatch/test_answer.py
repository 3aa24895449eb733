"""What is kept of an answer's body."""

import gzip
import zlib

import pytest

from outrider.dispatch.attempt import ANSWER_BYTES, _kept
from outrider.domain.echo import EchoMask
from outrider.domain.redaction import MASK
from outrider.ports.sender import Reply, Timing

SECRET = "Zq7wX9kP2mV5"
ECHO = EchoMask([SECRET])


def answer(body: bytes, *codings: str, cut: bool = False) -> Reply:
    return Reply(200, tuple(("content-encoding", coding) for coding in codings), body, cut, Timing())


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"anything", "br"),
        answer(zlib.compress(SECRET.encode()), "Deflate"),
        answer(b"anything", "identity", "gzip"),
        answer(b"anything", "identity, x-gzip"),
        answer(gzip.compress(SECRET.encode())),  # unsaid
    ],
)
def test_nothing_of_a_compressed_answer(reply: Reply) -> None:
    assert _kept(reply, ECHO) == (b"", True)


def test_the_beginning_of_any_other() -> None:
    assert _kept(answer(b""), ECHO) == (b"", False)
    assert _kept(answer(b"", "gzip"), ECHO) == (b"", False)
    assert _kept(answer(b"fine", " Identity "), ECHO) == (b"fine", False)
    assert _kept(answer(b"x" * 5_000), ECHO) == (b"x" * ANSWER_BYTES, True)
    assert _kept(answer(b"x" * 4_000, cut=True), ECHO) == (b"x" * 4_000, True)
    assert _kept(answer(f"<{SECRET}>".encode()), ECHO) == (f"<{MASK}>".encode(), False)


def test_a_secret_at_the_bound_leaves_no_beginning() -> None:
    body = b" " * (ANSWER_BYTES - 5) + SECRET.encode() * 2
    assert _kept(answer(body), ECHO) == (b" " * (ANSWER_BYTES - 5) + MASK.encode()[:5], True)
    many = b"Zq7wX9kP" * 90 + b" " * (ANSWER_BYTES - 720)
    kept, cut = _kept(answer(b"<" + many[1:]), ECHO)
    assert len(kept) <= ANSWER_BYTES
    assert b"Zq7w" not in kept
    assert not cut
