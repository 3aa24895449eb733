"""The client of the commands, against servers that are not Outrider."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import click
import pytest

from outrider.cli.client import Client


class Elsewhere(BaseHTTPRequestHandler):
    """Sends its callers on at `/moved`, and has no JSON anywhere."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(307 if self.path == "/moved" else 200)
        self.send_header("location", "/taken-along")
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"<html")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[tuple[Client, list[str]]]:
    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Elsewhere,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Client(f"http://127.0.0.1:{server.server_port}", "key", "secret"), asked
    server.shutdown()
    server.server_close()


def test_credentials_follow_no_redirect(elsewhere: tuple[Client, list[str]]) -> None:
    client, asked = elsewhere
    with pytest.raises(click.ClickException, match="307"):
        client.call("GET", "/moved")
    assert asked == ["/moved"]


def test_what_is_no_json_is_told(elsewhere: tuple[Client, list[str]]) -> None:
    client, _ = elsewhere
    with pytest.raises(click.ClickException, match="other than JSON; check OUTRIDER_URL"):
        client.call("GET", "/")
