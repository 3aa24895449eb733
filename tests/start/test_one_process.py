"""One process on an SQLite file, however the file is named."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Served, outrider

pytestmark = [pytest.mark.slow, pytest.mark.stores("sqlite")]


@pytest.fixture
def mounted() -> Iterator[Callable[[Path, Path], None]]:
    """Mounts a file on another one; skips where that is not allowed."""
    done: list[Path] = []

    def mount(source: Path, target: Path) -> None:
        target.touch()
        if subprocess.run(["mount", "--bind", source, target], check=False, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        done.append(target)

    yield mount
    for target in done:
        subprocess.run(["umount", target], check=True)


@pytest.mark.parametrize("how", ["symlink", "symlink of the folder", "hard link", "bind mount", "descriptor"])
def test_a_second_process_is_refused(
    serve: Callable[..., Served], tmp_path: Path, how: str, mounted: Callable[[Path, Path], None]
) -> None:
    served = serve()
    path, elsewhere = served.folder / "outrider.db", tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = elsewhere / "outrider.db"
    key = path.with_suffix(".rootkey")
    if how == "symlink":
        other.symlink_to(path)
    elif how == "symlink of the folder":
        (elsewhere / "folder").symlink_to(path.parent)
        other = elsewhere / "folder" / "outrider.db"
    elif how == "hard link":
        other.hardlink_to(path)
    elif how == "bind mount":
        mounted(path, other)
    else:
        assert served.process is not None
        descriptors = Path(f"/proc/{served.process.pid}/fd")
        other = next(fd for fd in descriptors.iterdir() if fd.readlink() == path)
    done = outrider(
        "serve", OUTRIDER_STORE=f"sqlite:///{other}", OUTRIDER_ROOT_KEY_FILE=str(key), OUTRIDER_PORT="0", wait=10
    )
    assert done.returncode == 78, done.stderr
    assert b"OUTRIDER_STORE" in done.stderr
    assert b"Traceback" not in done.stderr
    assert served.call("POST", "/v2/events", {"Event": "Login", "Data": {"Uid": "u"}})[0] == 202
