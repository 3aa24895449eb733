"""Sealing: bound to the row, unreadable without the root key."""

import asyncio
from pathlib import Path

import pytest

from outrider.domain.errors import ConfigError
from outrider.ports.vault import Unsealable
from outrider.vault.keyring import Keyring, open_keyring

KEYS = {1: b"1" * 32, 2: b"2" * 32}


class Kept:
    """The two calls of the book that the keyring makes."""

    def __init__(self) -> None:
        self.wrapped: dict[int, str] = {}

    async def data_keys(self) -> dict[int, str]:
        return self.wrapped

    async def add_data_key(self, number: int, wrapped: str) -> None:
        self.wrapped[number] = wrapped


def test_sealed_texts_open_in_their_row_only() -> None:
    ring = Keyring(KEYS)
    sealed = ring.seal("hunter2", "webhook/1/credential")
    assert "hunter2" not in sealed
    assert sealed.startswith("v1.2.")
    assert ring.unseal(sealed, "webhook/1/credential") == "hunter2"
    assert ring.seal("hunter2", "webhook/1/credential") != sealed
    for row, text in (("webhook/2/credential", sealed), ("webhook/1/credential", sealed[:-4] + "AAAA")):
        with pytest.raises(Unsealable):
            ring.unseal(text, row)
    for wrong in ("", "v1.9.AAAA", "v2.1.AAAA", "v1.1.***", "plain"):
        with pytest.raises(Unsealable):
            ring.unseal(wrong, "webhook/1/credential")


def test_older_keys_still_open_and_fingerprints_stay() -> None:
    old = Keyring({1: KEYS[1]})
    sealed = old.seal("x", "r")
    new = Keyring(KEYS)
    assert new.unseal(sealed, "r") == "x"
    assert new.fingerprint(b"content") == old.fingerprint(b"content")
    assert new.fingerprint(b"other") != new.fingerprint(b"content")
    assert Keyring({1: b"9" * 32}).fingerprint(b"content") != old.fingerprint(b"content")


@pytest.mark.parametrize("again", [b"a" * 32, b"b" * 32])
def test_the_root_key_is_the_stores_or_nothing_starts(again: bytes, tmp_path: Path) -> None:
    book, file = Kept(), tmp_path / "key"
    sealed = asyncio.run(open_keyring(b"a" * 32, book, file)).seal("x", "r")
    if again == b"a" * 32:
        assert asyncio.run(open_keyring(again, book, file)).unseal(sealed, "r") == "x"
    else:
        with pytest.raises(ConfigError):
            asyncio.run(open_keyring(again, book, file))
    assert not file.exists()


def test_a_key_made_while_another_process_was_first_does_not_stay(tmp_path: Path) -> None:
    class Slow(Kept):
        async def add_data_key(self, number: int, wrapped: str) -> None:
            await open_keyring(b"b" * 32, first, tmp_path / "first")
            self.wrapped.update(first.wrapped)

    first = Kept()
    with pytest.raises(ConfigError):
        asyncio.run(open_keyring(None, Slow(), tmp_path / "key"))
    assert not (tmp_path / "key").exists()


def test_content_opens_in_its_row_only() -> None:
    content = bytes(range(256)) * 1000
    sealed = Keyring({1: KEYS[1]}).seal_content(content, "custom-object/t/u/o/1")
    ring = Keyring(KEYS)
    assert ring.unseal_content(sealed, "custom-object/t/u/o/1") == content
    assert content[:50] not in sealed
    assert ring.seal_content(content, "custom-object/t/u/o/1").startswith(b"v1.2.")
    for row, wrong in (
        ("custom-object/t/u/o/2", sealed),
        ("custom-object/t/u/o/1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("custom-object/t/u/o/1", b"v1.9" + sealed[4:]),
        ("custom-object/t/u/o/1", b"v2.1" + sealed[4:]),
        ("custom-object/t/u/o/1", b"v1.1."),
        ("custom-object/t/u/o/1", b""),
    ):
        with pytest.raises(Unsealable):
            ring.unseal_content(wrong, row)
