"""A LoginRadius site on loopback, with the quirks of its documentation's samples."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


def listing(*webhooks: Any) -> Answer:
    return 200, {"content-type": "application/json"}, json.dumps({"Data": list(webhooks)}).encode()


def error(status: int, code: int, message: str, **more: Any) -> Answer:
    """LoginRadius' error body."""
    body = {"Description": "secret words", "ErrorCode": code, "Message": message, "IsProviderError": False} | more
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


class FakeSite:
    """`answer(path)` is called for each request; what was asked is kept with its headers in lower case."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.slow = 0.0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def do_GET(self) -> None:
                site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                time.sleep(site.slow)
                status, headers, content = answer(self.path)
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

            def handle_error(self, *args: Any) -> None:
                """Clients that give up are part of the tests."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
