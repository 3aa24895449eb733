"""A disk that is full, or may only be read, at the start."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from start.starting import at, refused, start

pytestmark = pytest.mark.slow
KIB = 1024


class Disk:
    """A small file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, left: int) -> None:
        """All but `left` bytes of it."""
        found = os.statvfs(self.folder)
        with (self.folder / "filling").open("ab") as file:
            file.write(b"x" * max(0, found.f_bavail * found.f_frsize - left))

    def read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("mounting is not allowed here")
    yield Disk(folder)
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("left", [0, 4, 12, 40, 100])
@pytest.mark.parametrize("served_before", [False, True], ids=["new", "served before"])
def test_a_full_disk(disk: Disk, left: int, served_before: bool) -> None:
    """However little is left: a sentence, or a start. What a start wrote does not keep the next one from it."""
    path = disk.folder / "a.db"
    if served_before:
        start(**at(path))
    disk.fill(left * KIB)
    said = refused(**at(path)) if left < 40 else _tried(path)
    assert said is None or "room" in said or "create" in said or "free" in said
    (disk.folder / "filling").unlink()
    start(**at(path))


def _tried(path: Path) -> str | None:
    try:
        start(**at(path))
    except Exception as error:
        return str(error)
    return None


def test_a_disk_that_may_only_be_read(disk: Disk) -> None:
    path = disk.folder / "a.db"
    start(**at(path))
    disk.read_only()
    assert "Read-only file system" in refused(**at(path))
    assert "Read-only file system" in refused(**at(disk.folder / "new" / "b.db"))


@pytest.mark.parametrize("limit", [0, 10, 5_000, 100_000])
def test_no_file_may_grow(tmp_path: Path, limit: int) -> None:
    """In a process of its own, as an operator sees it."""
    path = tmp_path / "a.db"

    def run(limited: Callable[[], None] | None) -> subprocess.CompletedProcess[bytes]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")}
        return subprocess.run(
            [sys.executable, "-m", "outrider", "serve"],
            env=environment | at(path) | {"OUTRIDER_PORT": "0"},
            preexec_fn=limited,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )

    done = run(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert (done.returncode, done.stderr.count(b"\n")) == (78, 1), done.stderr
    assert b"Traceback" not in done.stderr
    start(**at(path))
