"""The root key: 32 bytes from the environment (base64) or from a file made with mode 0600 at first start."""

from __future__ import annotations

import binascii
import os
import stat
from base64 import b64decode, b64encode
from pathlib import Path

from outrider.domain.errors import ConfigError

KEY_BYTES = 32


def root_key(from_environment: str | None, file: Path, *, create: bool = True) -> bytes:
    """The key given in OUTRIDER_ROOT_KEY, else the one in `file`, which is created when missing, if it may."""
    if from_environment:
        return _decode(from_environment, "OUTRIDER_ROOT_KEY")
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError as error:
        if not create:
            raise ConfigError("OUTRIDER_ROOT_KEY_FILE", "the file of the root key", "none there") from error
        return _create(file)
    except OSError as error:
        raise ConfigError("OUTRIDER_ROOT_KEY_FILE", "a readable file", error.strerror or "an error") from error
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise ConfigError("OUTRIDER_ROOT_KEY_FILE", "a file only its owner can read (0600)", f"mode {mode:04o}")
    return _decode(text, "OUTRIDER_ROOT_KEY_FILE")


def _decode(text: str, field: str) -> bytes:
    try:
        key = b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(field, f"{KEY_BYTES} bytes in base64", "something else")
    return key


def _create(file: Path) -> bytes:
    key = os.urandom(KEY_BYTES)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(b64encode(key) + b"\n")
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise ConfigError("OUTRIDER_ROOT_KEY_FILE", "a place to create the key", error.strerror or "") from error
    return key
