"""Hosts of target URLs: one spelling for each, the same when a webhook is saved, looked up, dialled, named in TLS.

An internationalized name is encoded by UTS 46, non-transitional, and checked by IDNA 2008 with its rules for
joiners (RFC 5892, appendix A): "straße.example" is a name of its own, not another owner's "strasse.example". What
ends in a number is an IPv4 address in any spelling that resolvers take ("127.1", "0x7f000001"), as the URL Standard
has it, so that the address judged is the one dialled.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote

import idna

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")  # the underscore stands in names of internal services
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAME_LENGTH = 253  # RFC 1035, section 2.3.4, written without the final dot


class UnusableHost(ValueError):
    """Nothing that can be dialled; `expected` says what could be."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"not {expected}")
        self.expected = expected


def canonical_host(given: str) -> str:
    """The host of a URL as it is dialled: a name in lower-case ASCII, with its final dot when it has one, or an
    address (IPv6 without brackets). Percent-encoding is undone (RFC 3986, section 3.2.2). Raises UnusableHost."""
    if ":" in given:
        return _ipv6(given)
    name = _ascii(given)
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    if not all(_LABEL.fullmatch(label) for label in labels) or len(name.removesuffix(".")) > _NAME_LENGTH:
        raise UnusableHost("a host name of letters, digits and hyphens, 63 of them between dots and 253 in all")
    return name


def is_address(canonical: str) -> bool:
    """Whether a canonical host is an IP address: no name ends in a number."""
    return ":" in canonical or canonical.rpartition(".")[2].isdigit()


def _ascii(given: str) -> str:
    try:
        name = unquote(given, errors="strict")
        if name.isascii():
            return name.lower()
        labels = idna.uts46_remap(name, std3_rules=False).split(".")
        return ".".join(label if label.isascii() else idna.alabel(label).decode() for label in labels)
    except ValueError as error:  # UnicodeDecodeError and idna's errors among them
        raise UnusableHost("a host name that IDNA 2008 can encode") from error


def _ipv6(given: str) -> str:
    try:
        address = IPv6Address(given)
    except ValueError:
        address = None
    if address is None or address.scope_id is not None:
        raise UnusableHost("an IPv6 address without a zone")
    return str(address)


def _ipv4(labels: list[str]) -> str:
    """By the URL Standard's IPv4 parser: up to four numbers, decimal, octal or hexadecimal, the last one takes the
    bytes that are left."""
    try:
        *bytes_, rest = map(_number, labels)
        if len(labels) > 4 or any(byte > 0xFF for byte in bytes_) or rest >= 0x100 ** (4 - len(bytes_)):
            raise ValueError
    except ValueError:
        raise UnusableHost("an IPv4 address, or a name whose last part is not a number") from None
    for place, byte in enumerate(bytes_):
        rest += byte << (24 - 8 * place)
    return str(IPv4Address(rest))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)
