"""The processes of a run: the receiver, the generator, and whatever is measured, each on its core.

Everything is a child of this process, talks on loopback only, and ends with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.load import Result
from outrider.cli.demo import certificates

API_KEY, API_SECRET = "bench-api-key", "bench-api-secret"
HEADERS = {"x-loginradius-apikey": API_KEY, "x-loginradius-apisecret": API_SECRET}
MEASURED, OTHER = 0, 1  # cores: what is measured has one to itself
PATIENCE_S = 120.0
_libc = ctypes.CDLL(None)
_SET_DEATH_SIGNAL = 1  # prctl(2), PR_SET_PDEATHSIG
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def until(what: str, condition: Callable[[], Any], seconds: float = PATIENCE_S, pause_s: float = 0.02) -> Any:
    """The condition's value once it is truthy. Raises TimeoutError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause_s)
    return found


def core(wanted: int) -> str:
    """The core as an argument: the last there is, when there are fewer."""
    return str(min(wanted, (os.cpu_count() or 1) - 1))


@contextmanager
def child(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A Python process, killed at the end, also when this process is."""

    def die_with_us() -> None:
        _libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)

    process = subprocess.Popen([sys.executable, *arguments], text=True, preexec_fn=die_with_us, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class Receiver:
    """A handle on `bench.receiver`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def arrived(self, prefix: str = "/ok") -> int:
        return int(self.ask("count")["arrived"].get(prefix, 0))


class System:
    """Something that takes events over HTTP: its address, the headers it wants, and its process."""

    def __init__(self, name: str, url: str, headers: dict[str, str], pid: int = 0) -> None:
        self.name = name
        self.url = url
        self.headers = headers
        self.pid = pid
        self.path = "/v2/events"
        self.template: str | None = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} | self.headers
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        with _opener.open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def hook(self, target: str, event: str = "Login", **options: Any) -> str:
        """Subscribe a target to an event type; the webhook's id. Outrider only."""
        body = {"Event": event, "TargetUrl": target} | options
        return str(self.call("POST", "/v2/manage/webhooks", body)["Id"])

    def memory_mb(self) -> float:
        """Resident memory of its process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_s(self) -> float:
        """Processor time its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    """A folder with certificates, a receiver, and ways to start what is measured."""

    def __init__(self, folder: Path, receiver: Receiver, ca: Path) -> None:
        self.folder = folder
        self.receiver = receiver
        self.ca = ca
        self.root_key = folder / "rootkey"  # of every store
        self._stores = 0

    def store(self) -> Path:
        """A new store's path."""
        self._stores += 1
        return self.folder / f"{self._stores}.db"

    @contextmanager
    def outrider(self, store: Path | str | None = None) -> Iterator[System]:
        """Outrider as `outrider serve` runs it, on one core; `store` is a file, or the URL of a database."""
        shared = store if isinstance(store, str) else None
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")} | {
            "OUTRIDER_STORE": shared or f"sqlite:///{store or self.store()}",
            "OUTRIDER_ROOT_KEY_FILE": str(self.root_key),
            "OUTRIDER_PORT": "0",
            "OUTRIDER_BOOTSTRAP_API_KEY": API_KEY,
            "OUTRIDER_BOOTSTRAP_API_SECRET": API_SECRET,
            "OUTRIDER_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
            "OUTRIDER_EGRESS_CA_FILE": str(self.ca),
            "OUTRIDER_LOG_LEVEL": "ERROR",
        }
        pinned = (
            f"import os; os.sched_setaffinity(0, {{{core(MEASURED)}}}); from outrider.cli.main import main; main()"
        )
        with child("-c", pinned, "serve", env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "listens on " not in line:
                raise RuntimeError(f"outrider did not start: {line!r}")
            system = System("outrider", line.split("listens on ")[1].strip(), HEADERS, process.pid)
            until("outrider is ready", lambda: _healthy(system), 30, 0.002)
            yield system

    @contextmanager
    def plain(self, name: str) -> Iterator[System]:
        """`floor` or `naive`, sending everything to /ok/a."""
        arguments = ("--target", self.receiver.url("/ok/a"), "--ca", str(self.ca), "--store", str(self.store()))
        options = ("-m", f"bench.{name}", "--core", core(MEASURED), *arguments)
        with child(*options, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            port = process.stdout.readline().split()[1]
            yield System(name, f"http://127.0.0.1:{port}", {}, process.pid)

    @contextmanager
    def swarm(self, system: System, count: int) -> Iterator[None]:
        """So many hostile connections at once (tests/hostile.py), on the generator's core, behind it."""
        port = system.url.rsplit(":", 1)[1]
        pinned = f"import asyncio, os; os.sched_setaffinity(0, {{{core(OTHER)}}}); os.nice(19); import hostile;"
        with child("-c", f"{pinned} asyncio.run(hostile.swarm({port}, {count}))"):
            yield

    @contextmanager
    def loading(self, system: System, requests: int, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """The generator at work in the background; `loaded` reads its result."""
        given = {"url": system.url + system.path, "requests": requests, "core": core(OTHER)} | options
        if system.template is not None:
            given.setdefault("template", system.template)
        arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        arguments += [part for pair in system.headers.items() for part in ("--header", ":".join(pair))]
        with child("-m", "bench.load", *arguments, stdout=subprocess.PIPE) as process:
            yield process

    def load(self, system: System, requests: int, **options: Any) -> Result:
        """Send it all; raises RuntimeError unless every request was answered well."""
        with self.loading(system, requests, **options) as process:
            return loaded(process)


def loaded(process: subprocess.Popen[str]) -> Result:
    """The generator's result, once it is through."""
    assert process.stdout is not None
    result = msgspec.json.decode(process.stdout.read(), type=Result)
    if result.errors:
        raise RuntimeError(f"requests went wrong: {result.errors}")
    return result


def _healthy(system: System) -> bool:
    try:
        return bool(system.call("GET", "/health")["Ready"])
    except OSError:
        return False


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Certificates and a receiver in `folder`."""
    ca, certificate = certificates.make(folder)
    options = ("-m", "bench.receiver", "--cert", str(certificate), "--core", core(OTHER))
    with child(*options, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield Bench(folder, Receiver(process, int(process.stdout.readline().split()[1])), ca)
