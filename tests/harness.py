"""Real parts for tests: a served Outrider in its own process, and a TLS receiver on loopback."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

API_KEY = "test-api-key"
API_SECRET = "7c9e6679-7425-40de-944b-e07fc1f90ae7"  # a loopback server's, made for tests


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until `condition` is truthy; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {condition}")


def outrider(
    *arguments: str, stdin: bytes = b"", wait: float = 60, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")} | settings
    return subprocess.run(
        [sys.executable, "-m", "outrider", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=wait,
    )


class Served:
    """`outrider serve` in a process of its own; `ca` is the file of who signed its certificate, when it has one."""

    program: tuple[str, ...] = ("-m", "outrider")

    def __init__(self, folder: Path, *, ca: Path | None = None, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        handlers: list[Any] = [urllib.request.ProxyHandler({})]
        if ca is not None:
            context = ssl.create_default_context(cafile=ca)
            context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default since Python 3.13
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self.opener = urllib.request.build_opener(*handlers)
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def environment(self) -> dict[str, str]:
        return (
            {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")}
            | {
                "OUTRIDER_STORE": f"sqlite:///{self.folder / 'outrider.db'}",
                "OUTRIDER_PORT": "0",
                "OUTRIDER_BOOTSTRAP_API_KEY": API_KEY,
                "OUTRIDER_BOOTSTRAP_API_SECRET": API_SECRET,
                "OUTRIDER_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
                "OUTRIDER_RETRY_SCHEDULE_MS": "200,400,800",
                "OUTRIDER_STOP_GRACE_MS": "3000",
                "OUTRIDER_DENIED_PER_MINUTE": "1000000",  # many tests are refused on purpose
            }
            | self.settings
        )

    def start(self) -> Served:
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "serve"],
                env=self.environment(), stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        line = self.process.stdout.readline()
        assert "listens on " in line, (line, (self.folder / "log").read_text())
        self.url = line.split("listens on ")[1].strip()
        until(self._healthy)
        return self

    def _healthy(self) -> bool:
        try:
            found = self.call("GET", "/health")[1]
            return found["Ready"] or found["Reasons"] == ["no intake role"]
        except urllib.error.URLError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        code = self.process.wait(30)
        self.process.stdout.close()
        return code

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> tuple[int, Any]:
        """(status, decoded answer); credentials are sent unless `headers` are given."""
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if headers is None:
            headers = {"X-LoginRadius-ApiKey": API_KEY, "X-LoginRadius-ApiSecret": API_SECRET}
        request = urllib.request.Request(
            self.url + path, content, {"Content-Type": "application/json"} | headers, method=method
        )
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.call(method, path, body)
        assert status in (200, 202), (status, answer)
        return answer

    def command(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """`outrider …` against this server."""
        settings = {"OUTRIDER_URL": self.url, "OUTRIDER_API_KEY": API_KEY, "OUTRIDER_API_SECRET": API_SECRET}
        return outrider(*arguments, stdin=stdin, **settings)


class Request:
    """One request as the receiver got it; header names in lower case."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = headers
        self.body = body
        self.id = headers.get("webhook-id", "")

    @property
    def json(self) -> Any:
        """The envelope."""
        return json.loads(self.body)


class Receiver:
    """HTTPS on 127.0.0.1. `answer(request)` gives (status, headers, body); 200 by default."""

    def __init__(
        self, certificate: Path, answer: Callable[[Request], tuple[int, dict[str, str], bytes]] | None = None
    ) -> None:
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        respond = answer or (lambda _: (200, {}, b"{}"))
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                with receiver._lock:
                    receiver.requests.append(request)
                status, headers, content = respond(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *args: Any) -> None:
                """Peers that are killed or refuse our certificate are part of the tests."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def url(self, path: str = "/hook", host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
