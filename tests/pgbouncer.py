"""A real PgBouncer in transaction mode before a PostgreSQL of tests, on loopback.

A client has a connection of the server for one transaction at a time, and there are few of them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from postgres import OWNER, free_port

BINARY = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
SERVER_CONNECTIONS = 4  # for each database

_SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
query_wait_timeout = 5
"""


class PgBouncer:
    """Started at once; `close` ends it."""

    def __init__(self, url: str) -> None:
        assert BINARY, "these tests need PgBouncer: install the package pgbouncer of your system"
        parts = urlsplit(url)
        self._folder = Path(tempfile.mkdtemp(prefix="outrider-pgbouncer-"))
        self._port = free_port()
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            _SETTINGS.format(
                host=parts.hostname,
                port=parts.port,
                user=parts.username,
                listen=self._port,
                size=SERVER_CONNECTIONS,
            )
        )
        if OWNER is not None:
            self._folder.chmod(0o755)
        self._settings = settings
        self.start()

    def start(self) -> None:
        owner = {} if OWNER is None else {"user": OWNER, "group": pwd.getpwnam(OWNER).pw_gid}
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen([BINARY, "-q", str(self._settings)], stdout=log, stderr=log, **owner)
        self._wait()

    def stop(self) -> None:
        """At once: whoever is connected is cut off."""
        self.process.terminate()
        self.process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def before(self, url: str) -> str:
        """How a store at `url` is reached through this pooler."""
        parts = urlsplit(url)
        place = f"{parts.username}@127.0.0.1:{self._port}"
        return urlunsplit(parts._replace(netloc=place, query="pooler=transaction"))

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)
