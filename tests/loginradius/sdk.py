"""LoginRadius' real SDKs, each in an environment of its own that `make test` builds, driven by `driver.py`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from harness import API_KEY, API_SECRET

ROOT = Path(__file__).parents[2]
V2 = ".venv-sdk117"  # LoginRadius-v2 11.7.0: the v2 API
LEGACY = ".venv-sdk116"  # LoginRadius-v2 11.6.0: the legacy API
LIBRARIES = ("requests", "urllib3")


class Raised(Exception):
    """The SDK raised instead of calling."""


class Sdk:
    """A client of the SDK in `environment`, as its own documentation sets it up. `attributes` are LoginRadius'."""

    def __init__(self, environment: str, url: str, ca: Path, library: str, **attributes: Any) -> None:
        python = ROOT / environment / "bin/python"
        assert python.exists(), f"{python} is not there: make {environment}/ready"
        settings = {
            "API_KEY": API_KEY, "API_SECRET": API_SECRET, "CUSTOM_DOMAIN": f"{url}/", "LIBRARY": library,
        } | attributes  # fmt: skip
        # requests and urllib3 each read their own variable; neither may take a proxy for 127.0.0.1.
        trust = {"REQUESTS_CA_BUNDLE": str(ca), "SSL_CERT_FILE": str(ca), "NO_PROXY": "*"}
        self._process = subprocess.Popen(
            [python, Path(__file__).with_name("driver.py")],
            env=os.environ | trust, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.library = self._exchange(settings)["Library"]

    def call(self, api: str, call: str, *arguments: Any) -> Any:
        """What the SDK returned; raises Raised when it raised."""
        answer = self._exchange({"Api": api, "Call": call, "Arguments": arguments})
        if "Raised" in answer:
            raise Raised(answer["Raised"])
        return answer["Returned"]

    def _exchange(self, line: Any) -> Any:
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
