"""The root key: 32 bytes from the environment (base64) or from a file made with mode 0600 at first start."""

from __future__ import annotations

import binascii
import os
import stat
from base64 import b64decode, b64encode
from pathlib import Path

from outrider.domain.errors import ConfigError

KEY_BYTES = 32
READ = 4_096  # bytes of a file; a key has 44, and whatever is longer is none
FILE = "OUTRIDER_ROOT_KEY_FILE"
_EXPECTED = f"{KEY_BYTES} bytes in base64"
_MARKS = {b"\xef\xbb\xbf": "UTF-8 with a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def root_key(from_environment: str | None, file: Path) -> bytes | None:
    """The key given in OUTRIDER_ROOT_KEY, else the one in `file`; None when there is no such file. Raises
    ConfigError."""
    if from_environment:
        return _decode(from_environment.encode(errors="surrogateescape"), "OUTRIDER_ROOT_KEY")
    try:
        with file.open("rb") as source:
            mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
            content = source.read(READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(FILE, "a file that can be read", error.strerror or "an error") from error
    if mode & 0o077:
        raise ConfigError(FILE, "a file only its owner can read (0600: chmod 600 it)", f"mode {mode:04o}")
    return _decode(content, FILE)


def missing(file: Path) -> ConfigError:
    """What is said when the store has a root key and `file` is not there: another one would not open it."""
    expected = f"the root key this store was made with, in OUTRIDER_ROOT_KEY or in {file} (put your copy there)"
    return ConfigError(FILE, expected, "no such file")


def create(file: Path) -> tuple[bytes, bool]:
    """A new key in a new file, durable on return, and True; when another process has been first, its key and
    False. Raises ConfigError."""
    key = os.urandom(KEY_BYTES)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = root_key(None, file)
        if found is None:
            raise missing(file) from None
        return found, False
    except OSError as error:
        raise ConfigError(FILE, "a place to create the key", error.strerror or "an error") from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(b64encode(key) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        _sync(file.parent)
    except OSError as error:
        file.unlink(missing_ok=True)  # half a key would stop the next start
        raise ConfigError(FILE, "a place to create the key", error.strerror or "an error") from error
    return key, True


def remove(file: Path) -> None:
    """A key that was just created, and opens nothing."""
    file.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decode(content: bytes, field: str) -> bytes:
    mark = next((name for start, name in _MARKS.items() if content.startswith(start)), None)
    if mark is None and content[1::2].count(0) > len(content) // 4:
        mark = "UTF-16"
    if mark is not None:
        raise ConfigError(field, f"{_EXPECTED}, saved as ASCII", f"{mark}")
    text = content.strip()
    if not text:
        raise ConfigError(field, _EXPECTED, "an empty one: put your copy there; for a new store delete it")
    try:
        key = b64decode(text, validate=True)
    except binascii.Error:
        raise ConfigError(field, _EXPECTED, "what is no base64") from None
    if len(key) != KEY_BYTES:
        raise ConfigError(field, _EXPECTED, f"{len(key)} bytes")
    return key
