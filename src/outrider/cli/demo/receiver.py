"""The demo's receiver: a real HTTPS server in a process of its own.

It checks both signatures with code that is not Outrider's (plain `hmac` and the `standardwebhooks` package),
the credentials and the custom parts, and reports each request as a JSON line on standard output. Its
settings are one JSON object on standard input: `certificate`, `secret`, `lanes` by path, where a lane has
`authorization`, `header`, `query` and `failures` (how many requests to refuse first).
"""

from __future__ import annotations

import hmac
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from standardwebhooks import Webhook, WebhookVerificationError

SETTINGS: dict[str, Any] = {}
LOCK = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        parts = urlsplit(self.path)
        lane = SETTINGS["lanes"][parts.path]
        with LOCK:
            refuse = lane["failures"] > 0
            lane["failures"] -= 1
        report = {
            "path": parts.path,
            "id": self.headers["webhook-id"],
            "event": json.loads(body)["HookName"],
            "accepted": not refuse,
            "faults": list(faults(self.headers, body, parse_qs(parts.query), lane)),
        }
        with LOCK:
            print(json.dumps(report), flush=True)
        answer = b'{"error":"not now"}' if refuse else b'{"ok":true}'
        self.send_response(503 if refuse else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Reports go to standard output; there is no log beside them."""


def faults(headers: Any, body: bytes, query: dict[str, list[str]], lane: dict[str, Any]) -> list[str]:
    """Everything about the request that is not as configured; empty when it verifies."""
    found = []
    secret = SETTINGS["secret"]
    digest = hmac.new(secret.encode(), body, "sha256").hexdigest().upper()
    if not hmac.compare_digest(digest, headers.get("signature", "")):
        found.append("signature")
    try:
        Webhook(secret).verify(body, dict(headers.items()))
    except WebhookVerificationError:
        found.append("webhook-signature")
    if headers.get("authorization") != lane["authorization"]:
        found.append("authorization")
    if lane["header"] and headers.get("x-demo") != lane["header"]:
        found.append("custom header")
    if lane["query"] and query.get("source") != [lane["query"]]:
        found.append("query parameter")
    return found


def main() -> None:
    SETTINGS.update(json.loads(sys.stdin.readline()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SETTINGS["certificate"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # until the demo goes away


if __name__ == "__main__":
    main()
