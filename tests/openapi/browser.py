"""A real browser without a window: what a page looks like once its scripts have run, and what it asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = (
    "these tests open pages in Chromium and found none: install it "
    "(Debian, as root: apt-get install chromium-headless-shell)"
)
_CONSOLE = re.compile(r"CONSOLE[^\]]*\] (.*)")


class Opened:
    """A page that was opened: its elements as text, every URL it asked for, and its console's lines."""

    def __init__(self, dom: str, asked: set[str], console: list[str]) -> None:
        self.dom = dom
        self.asked = asked
        self.console = console


def open_page(url: str, folder: Path, *, budget_s: int = 20) -> Opened:
    """Open `url`; `budget_s` is in the browser's own time, which passes quickly. Only loopback can be reached."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.fail(MISSING)
    log = folder / "net.json"
    made = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",  # tests run as root, too
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--no-proxy-server",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={log}",
            "--enable-logging=stderr",
            f"--virtual-time-budget={budget_s * 1000}",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        check=False,
        timeout=90,
    )
    told = made.stderr.decode(errors="replace")
    assert made.returncode == 0, told[-2000:]
    asked = {found for event in json.loads(log.read_text())["events"] if (found := _url(event))}
    return Opened(made.stdout.decode(), asked, _CONSOLE.findall(told))


def _url(event: dict[str, Any]) -> str | None:
    parameters = event.get("params")
    url = parameters.get("url") if isinstance(parameters, dict) else None
    return url if isinstance(url, str) and not url.startswith("data:") else None
