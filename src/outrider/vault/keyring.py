"""AES-256-GCM sealing under numbered data keys, themselves wrapped by the root key.

Sealed text: `v1.<data key number>.<base64 of 12-byte nonce and ciphertext>`. The row is associated data
(NIST SP 800-38D), so a sealed secret copied to another row does not open.
"""

from __future__ import annotations

import binascii
import hashlib
import os
from base64 import b64decode, b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outrider.domain.errors import ConfigError
from outrider.ports.book import Book
from outrider.ports.vault import Unsealable

_NONCE = 12
_CACHED = 4096


class Keyring:
    """Implements `ports.vault.Vault`. Opened texts are remembered, so sending does not decrypt each time."""

    def __init__(self, data_keys: dict[int, bytes]) -> None:
        self._ciphers = {number: AESGCM(key) for number, key in data_keys.items()}
        self._current = max(data_keys)
        # The first data key never goes, so repeats are recognised across rotations.
        self._digest_key = hashlib.blake2b(data_keys[min(data_keys)], person=b"fingerprint").digest()
        self.unseal = lru_cache(_CACHED)(self._unseal)

    def seal(self, text: str, row: str) -> str:
        return f"v1.{self._current}.{_encrypt(self._ciphers[self._current], text.encode(), row)}"

    def _unseal(self, sealed: str, row: str) -> str:
        try:
            version, number, coded = sealed.split(".")
            cipher = self._ciphers[int(number)] if version == "v1" else None
        except (ValueError, KeyError):
            cipher, coded = None, ""
        if cipher is None:
            raise Unsealable(f"{row} is not sealed under a key of this keyring")
        return _decrypt(cipher, coded, row).decode()

    def fingerprint(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, digest_size=16, key=self._digest_key).digest()


async def open_keyring(root: bytes, book: Book) -> Keyring:
    """The keyring of this store. Fails closed with ConfigError when the root key is not the store's."""
    cipher = AESGCM(root)
    wrapped = await book.data_keys()
    if not wrapped:
        wrapped = {1: _encrypt(cipher, os.urandom(32), "data-key/1")}
        await book.add_data_key(1, wrapped[1])
        wrapped = await book.data_keys()  # another process may have been first
    try:
        keys = {number: _decrypt(cipher, coded, f"data-key/{number}") for number, coded in wrapped.items()}
    except Unsealable as error:
        raise ConfigError("OUTRIDER_ROOT_KEY", "the root key this store was made with", "another key") from error
    return Keyring(keys)


def _encrypt(cipher: AESGCM, content: bytes, row: str) -> str:
    nonce = os.urandom(_NONCE)
    return b64encode(nonce + cipher.encrypt(nonce, content, row.encode())).decode()


def _decrypt(cipher: AESGCM, coded: str, row: str) -> bytes:
    try:
        raw = b64decode(coded, validate=True)
        return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], row.encode())
    except (binascii.Error, InvalidTag, ValueError) as error:
        raise Unsealable(f"{row} does not open") from error
