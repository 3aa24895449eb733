"""AES-256-GCM sealing under numbered data keys, themselves wrapped by the root key.

Sealed text: `v1.<data key number>.<base64 of 12-byte nonce and ciphertext>`; sealed content is the same with the
bytes themselves. The row is associated data (NIST SP 800-38D), so what is copied to another row does not open.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outrider.domain.errors import ConfigError
from outrider.ports.book import Book
from outrider.ports.vault import Unsealable
from outrider.vault.root import create, missing, remove

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
        return f"v1.{self._current}.{_encrypt_to_text(self._ciphers[self._current], text.encode(), row)}"

    def _unseal(self, sealed: str, row: str) -> str:
        cipher, coded = self._cipher(sealed.encode(), row)
        return _decrypt_text(cipher, coded, row).decode()

    def seal_content(self, content: bytes, row: str) -> bytes:
        return b"v1.%d." % self._current + _encrypt(self._ciphers[self._current], content, row)

    def unseal_content(self, sealed: bytes, row: str) -> bytes:
        return _decrypt(*self._cipher(sealed, row), row)

    def _cipher(self, sealed: bytes, row: str) -> tuple[AESGCM, bytes]:
        """The key that opens it, and what follows the key's number."""
        version, _, rest = sealed.partition(b".")
        number, _, content = rest.partition(b".")
        cipher = self._ciphers.get(int(number)) if version == b"v1" and number.isdigit() else None
        if cipher is None:
            raise Unsealable(f"{row} is not sealed under a key of this keyring")
        return cipher, content

    def fingerprint(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, digest_size=16, key=self._digest_key).digest()


async def open_keyring(root: bytes | None, book: Book, file: Path) -> Keyring:
    """The keyring of this store. Without a root key one is created in `file`, for a store that holds no keys yet.

    Fails closed with ConfigError when the root key is not the store's.
    """
    wrapped = await book.data_keys()
    if wrapped:
        if root is None:
            raise missing(file)
        return Keyring(unwrapped(root, wrapped))
    key, made = create(file) if root is None else (root, False)
    await book.add_data_key(1, _encrypt_to_text(AESGCM(key), os.urandom(32), "data-key/1"))
    try:
        return Keyring(unwrapped(key, await book.data_keys()))
    except ConfigError:
        if made:
            remove(file)  # another process was first, with another key: this one opens nothing
        raise


def unwrapped(root: bytes, wrapped: Mapping[int, str]) -> dict[int, bytes]:
    """The data keys. Raises ConfigError when the root key is not the one they were wrapped with."""
    cipher = AESGCM(root)
    try:
        return {number: _decrypt_text(cipher, coded, f"data-key/{number}") for number, coded in wrapped.items()}
    except Unsealable as error:
        raise ConfigError("OUTRIDER_ROOT_KEY", "the root key this store was made with", "another key") from error


def _encrypt(cipher: AESGCM, content: bytes, row: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, content, row.encode())


def _decrypt(cipher: AESGCM, sealed: bytes, row: str) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], row.encode())
    except (InvalidTag, ValueError) as error:
        raise Unsealable(f"{row} does not open") from error


def _encrypt_to_text(cipher: AESGCM, content: bytes, row: str) -> str:
    return b64encode(_encrypt(cipher, content, row)).decode()


def _decrypt_text(cipher: AESGCM, coded: str | bytes, row: str) -> bytes:
    try:
        sealed = b64decode(coded, validate=True)
    except ValueError as error:
        raise Unsealable(f"{row} does not open") from error
    return _decrypt(cipher, sealed, row)
