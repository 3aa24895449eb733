"""Certificates of every kind that a receiver may show, signed by one CA of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Issued:
    """A certificate with its key."""

    def __init__(
        self,
        common: str,
        issuer: Issued | None = None,
        *,
        names: Sequence[str] = (),
        ca: bool = False,
        days: int = 1,
        bulk: int = 0,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        start = datetime.now(UTC) - timedelta(days=2)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject if issuer else self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=2 + days))
        )
        if ca:  # no key usage, no key identifiers: many private authorities are like that
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([*map(_name, names)]), critical=False)
        if bulk:
            blob = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\0" * bulk)
            builder = builder.add_extension(blob, critical=False)
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, file: Path, *chain: Issued) -> Path:
        """Certificate, `chain` and key in one PEM file."""
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(b"".join([self.pem, *(one.pem for one in chain), private]))
        return file


def _name(text: str) -> Any:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def make(folder: Path) -> dict[str, Path]:
    """Files by kind: `ca` to trust, the others to show."""
    ca = Issued("a private CA", ca=True)
    local = ("localhost", "127.0.0.1")
    middle = Issued("an intermediate", ca, ca=True)
    made = {
        "good": Issued("localhost", ca, names=local).write(folder / "good.pem"),
        "no-san": Issued("localhost", ca).write(folder / "no-san.pem"),
        "expired": Issued("localhost", ca, names=local, days=-1).write(folder / "expired.pem"),
        "other-name": Issued("localhost", ca, names=["example.com"]).write(folder / "other-name.pem"),
        "self-signed": Issued("localhost", names=local).write(folder / "self-signed.pem"),
        "no-intermediate": Issued("localhost", middle, names=local).write(folder / "no-intermediate.pem"),
        "giant": Issued("localhost", ca, names=local, bulk=90_000).write(folder / "giant.pem"),
        "long-chain": Issued("localhost", ca, names=local).write(folder / "long-chain.pem", *[ca] * 400),
    }
    for name, one in {"ca": ca, "middle": middle}.items():
        (folder / f"{name}.pem").write_bytes(one.pem)
        made[name] = folder / f"{name}.pem"
    return made
