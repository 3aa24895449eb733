"""The viewer, in a real browser: it shows every operation, and asks no other host for anything."""

from __future__ import annotations

import hashlib
import re
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness import Served
from openapi.browser import open_page
from openapi.reading import operations
from outrider.api import viewer
from outrider.api.app import bare_app
from outrider.api.openapi.document import document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.stores("sqlite")]
DOCUMENT = document(bare_app())


def test_it_shows_every_operation_and_asks_nobody_else(shared: Served, tmp_path: Path) -> None:
    page = open_page(f"{shared.url}/docs#/Webhooks/createWebhook", tmp_path)
    shown = set(re.findall(r'id="operations-([A-Za-z_ -]+-[A-Za-z]+)"', page.dom))
    every = [operation for _, _, operation in operations(DOCUMENT)]
    every += [item["post"] for item in DOCUMENT["webhooks"].values()]
    assert {name.rpartition("-")[2] for name in shown} >= {operation["operationId"] for operation in every}
    opened = re.search(r'<div class="opblock opblock-post is-open".*', page.dom, re.DOTALL)
    assert opened
    assert "shop.example.com/hooks" in opened[0]
    assert page.asked
    assert [url for url in page.asked if not url.startswith(f"{shared.url}/")] == []
    assert page.console == []


def test_the_console_tells_of_what_the_policy_forbids(tmp_path: Path) -> None:
    """So that its silence above means something."""

    class Forbidden(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in viewer.HEADERS.items():
                self.send_header(name, value)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b'<p id="here">here</p><script>document.title = "run"</script>')
            self.wfile.write(b'<img src="http://images.example.com/a.png">')

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forbidden)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        page = open_page(f"http://127.0.0.1:{server.server_address[1]}/", tmp_path, budget_s=2)
    finally:
        server.shutdown()
        server.server_close()
    assert 'id="here"' in page.dom
    assert "run" not in page.dom.partition("<body>")[0]
    assert [line for line in page.console if "Content Security Policy" in line]


def test_without_a_browser_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        open_page("http://127.0.0.1/", tmp_path)


def test_its_parts_are_ours_and_locked_up(shared: Served) -> None:
    pages = dict.fromkeys(("/docs", "/docs/", "/DOCS"), viewer.PAGE)
    for path, name in (pages | {f"/docs/{name}": name for name in viewer.SERVED}).items():
        with shared.opener.open(urllib.request.Request(shared.url + path), timeout=30) as answer:
            headers, body = answer.headers, answer.read()
        assert body == viewer.content(name)
        assert headers["content-type"] == f"{viewer.SERVED[name]}; charset=utf-8"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    status, answer = shared.call("GET", "/docs/readme.md", headers={})
    assert (status, answer["ErrorCode"]) == (404, 7904)


def test_what_we_took_over_is_unchanged() -> None:
    folder = Path(viewer.__file__).parent / "static"
    recorded = dict(
        re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|", (folder / "README.md").read_text(), re.MULTILINE)
    )
    ours = {"index.html", "start.js", "README.md"}
    assert set(recorded) == {file.name for file in folder.iterdir()} - ours
    for name, digest in recorded.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
