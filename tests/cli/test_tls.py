"""Serving HTTPS: with one file or two, and what cannot be honoured stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from harness import API_KEY, API_SECRET, Served, outrider

pytestmark = pytest.mark.slow


def split(file: Path, folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """The certificate and the key of `file` in a file each."""
    pem = file.read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(pem[: pem.index(b"-----BEGIN PRIVATE KEY")])
    key_file.write_bytes(written)
    return cert_file, key_file


def test_https_with_a_key_file_and_the_command_line_as_client(authority: tuple[Path, Path], tmp_path: Path) -> None:
    cert_file, key_file = split(authority[1], tmp_path)
    files = {"OUTRIDER_TLS_CERT_FILE": str(cert_file), "OUTRIDER_TLS_KEY_FILE": str(key_file)}
    served = Served(tmp_path, ca=authority[0], **files).start()
    try:
        assert served.url.startswith("https://127.0.0.1:")
        client = {"OUTRIDER_URL": served.url, "OUTRIDER_API_KEY": API_KEY, "OUTRIDER_API_SECRET": API_SECRET}
        shown = outrider("settings", "show", **client, OUTRIDER_CA_FILE=str(authority[0]))
        assert b"WebhooksPerEvent" in shown.stdout
        distrusted = outrider("settings", "show", **client)
        assert (distrusted.returncode, b"certificate verify failed" in distrusted.stderr) == (1, True)
    finally:
        assert served.stop() == 0


@pytest.mark.parametrize("wrong", ["no certificate", "missing file", "no key", "key of another", "encrypted key"])
def test_what_cannot_be_honoured_exits_78(authority: tuple[Path, Path], tmp_path: Path, wrong: str) -> None:
    cert_file, key_file = split(authority[1], tmp_path, b"password" if wrong == "encrypted key" else None)
    files = {"OUTRIDER_TLS_CERT_FILE": str(cert_file), "OUTRIDER_TLS_KEY_FILE": str(key_file)}
    if wrong == "no certificate":
        del files["OUTRIDER_TLS_CERT_FILE"]
    elif wrong == "missing file":
        files["OUTRIDER_TLS_CERT_FILE"] += ".missing"
    elif wrong == "no key":
        del files["OUTRIDER_TLS_KEY_FILE"]
    elif wrong == "key of another":
        files["OUTRIDER_TLS_CERT_FILE"] = str(authority[0])
    done = outrider("serve", OUTRIDER_STORE=f"sqlite:///{tmp_path / 'a.db'}", OUTRIDER_PORT="0", **files)
    assert done.returncode == 78, done.stderr
    for said in (b"OUTRIDER_TLS_CERT_FILE", b"expected", b"given"):
        assert said in done.stderr
    assert b"Traceback" not in done.stderr
