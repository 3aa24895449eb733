"""The write-ahead log and when it is written back: in a quiet moment, so that no commit waits for it (ADR 23).

SQLite by itself writes the log back inside the commit that fills it, and everybody in that commit waits for a
thousand pages (sqlite.org/wal.html, "Automatic Checkpoint"). Here commits are answered first.
"""

from __future__ import annotations

import logging

import apsw

ENOUGH = 1_000  # pages: from here on a quiet moment is used; SQLite's own threshold
TOO_MANY = 4_000  # pages, 16 MB: from here on nobody waits for a quiet moment
QUIET_S = 0.005

log = logging.getLogger("outrider.store")


class WriteAheadLog:
    """Of the one connection that writes; takes the place of its automatic checkpoints. `pages`: its length."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.pages = 0
        self._grows = False
        connection.set_wal_hook(self._committed)

    def _committed(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self.pages = pages
        return apsw.SQLITE_OK

    def write_back(self) -> None:
        """As much as no reader still needs. A failure loses nothing: it is logged once, and the next commit tries
        again.
        """
        self.pages = 0
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            if not self._grows:
                log.warning("the write-ahead log cannot be written back and grows: %s", type(error).__name__)
            self._grows = True
        else:
            self._grows = False
