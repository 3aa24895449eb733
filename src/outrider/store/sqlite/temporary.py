"""Temporary files of SQLite in the store's own directory: no other one needs to be writable.

A served store needs none (`temp_store = MEMORY`): what its statements sort or may have to undo is bounded by their
batches. Migrations and copies sort whole tables, for which memory may not be enough.
"""

from __future__ import annotations

import uuid

import apsw


class _BesideTheStore(apsw.VFS):
    """SQLite's own file system, but for temporary files: they get names beside `path`, and SQLite unlinks them as
    soon as they are open."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.own_name = f"beside-{uuid.uuid4().hex}"
        super().__init__(self.own_name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        return super().xOpen(f"{self._path}-{uuid.uuid4().hex}" if name is None else name, flags)


def connect_to_sort(path: str) -> apsw.Connection:
    """A connection for one-off work on whole tables. Every page it reads passes through Python, so it is not for a
    store that is served. It keeps its file system registered as long as it is there. Raises apsw.Error."""
    beside = _BesideTheStore(path)
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=beside.own_name)
    connection.set_busy_timeout(5000)
    return connection
