"""The lock that keeps other processes from the file, by whatever name they call it.

Symbolic links are followed, so that the lock's own file and SQLite's are those of the file itself. A file with
several names in the file system is refused: SQLite finds its log by the name, so what one name committed the other
does not know (sqlite.org/howtocorrupt.html, section 2.5). Where the system keeps flock apart from the locks SQLite
takes, the file is locked too, so that one mounted in two places is found out.

Closing any descriptor of a file gives back the locks SQLite holds on it: `close` comes after SQLite's own.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from pathlib import Path

from outrider.domain.errors import ConfigError

SETTING = "OUTRIDER_STORE"
APART = sys.platform == "linux"  # flock(2): "no interaction between the types of lock"


class FileLock:
    """Held from `lock_file` until `close`. `path` is the file itself."""

    def __init__(self, path: Path, descriptors: list[int]) -> None:
        self.path = str(path)
        self._descriptors = descriptors

    def close(self) -> None:
        """Idempotent."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def lock_file(given: str) -> FileLock:
    """The lock of the file, which is made when it is not there. Raises ConfigError.

    Two processes on one file are refused: one writer is what keeps commits fast and safe.
    """
    held: list[int] = []
    try:
        path = Path(given).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_kind(path)
        _take(f"{path}.lock", held)
        # The file itself before SQLite makes it, so that nobody else can ever read it.
        _take(str(path), held, lock=APART)
    except (OSError, RuntimeError) as error:  # RuntimeError: symbolic links in a circle, until Python 3.13
        _give_back(held)
        reason = (error.strerror if isinstance(error, OSError) else None) or "no path of a file"
        raise ConfigError(SETTING, "a file that can be opened and written, in such a folder", reason) from error
    except ConfigError:
        _give_back(held)
        raise
    return FileLock(path, held)


def _check_kind(path: Path) -> None:
    if not path.exists():
        return
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise ConfigError(SETTING, "a file", "a directory")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(SETTING, "a file", "no regular file")
    if found.st_nlink > 1:
        expected = "a file with one name, because SQLite's log goes by it (remove the other hard links)"
        raise ConfigError(SETTING, expected, f"one with {found.st_nlink} names")


def _take(path: str, held: list[int], *, lock: bool = True) -> None:
    held.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if not lock:
        return
    try:
        fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(SETTING, "a file no other Outrider serves", "one in use") from None


def _give_back(held: list[int]) -> None:
    while held:
        os.close(held.pop())
