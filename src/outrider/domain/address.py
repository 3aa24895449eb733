"""Which IP addresses may be called: a pure policy, applied to the address that is actually dialled.

Python's `ipaddress.is_global` is wrong for several ranges (multicast, NAT64, IPv4-compatible and, on older
patch levels, 6to4), so the special ranges are written out here. Source: IANA's special-purpose registries.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from outrider.domain.errors import ConfigError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_V4 = {
    "unspecified": ("0.0.0.0/8",),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    "shared (CGNAT)": ("100.64.0.0/10",),
    "loopback": ("127.0.0.0/8",),
    "link-local": ("169.254.0.0/16",),
    "special": ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "198.18.0.0/15"),
    "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    "multicast": ("224.0.0.0/4",),
    "reserved": ("240.0.0.0/4",),
}
_V6 = {
    "special": ("2001::/23", "2620:4f:8000::/48", "5f00::/16"),
    "documentation": ("2001:db8::/32", "3fff::/20"),
}
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V4 = [(IPv4Network(net), why) for why, nets in _V4.items() for net in nets]
_DENIED_V6 = [(IPv6Network(net), why) for why, nets in _V6.items() for net in nets]
_LOCAL_V6 = {IPv6Address("::1"): "loopback", IPv6Address("::"): "unspecified"}
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215
_TRANSLATED = (_MAPPED, _NAT64)  # where these lead is known: to the IPv4 address inside, and nowhere else
_EMBEDDING = (
    # (range, bits to the right of the embedded IPv4 address, its bits inverted)
    (_MAPPED, 0, False),
    (IPv6Network("::/96"), 0, False),  # compatible
    (IPv6Network("::ffff:0:0:0/96"), 0, False),  # IPv4-translated (RFC 2765)
    (_NAT64, 0, False),
    (IPv6Network("2002::/16"), 80, False),  # 6to4
    (IPv6Network("2001::/32"), 0, True),  # Teredo
)
_ISATAP = 0x5EFE  # RFC 5214, section 6.1: the interface identifier's upper half, but for its u and g bits
_U_AND_G = 0x0300_0000


class AddressPolicy:
    """Public unicast addresses may be dialled, and those the operator opened. Everything else is refused.

    An IPv6 address that holds an IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) is refused where that one is,
    also when its range is opened.
    """

    def __init__(self, allow: tuple[Network, ...] = ()) -> None:
        self._allow = allow

    @classmethod
    def parse(cls, text: str) -> AddressPolicy:
        """From comma-separated CIDRs, as OUTRIDER_EGRESS_ALLOW has them. Raises ConfigError."""
        networks: list[Network] = []
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError:
                expected = "comma-separated CIDRs such as 10.1.0.0/16,fd00::/8"
                raise ConfigError("OUTRIDER_EGRESS_ALLOW", expected, part[:60]) from None
            if networks[-1].version == 6 and networks[-1].subnet_of(_MAPPED):
                raise ConfigError("OUTRIDER_EGRESS_ALLOW", "IPv4 ranges as such, not mapped into IPv6", part[:60])
        return cls(tuple(networks))

    def refusal(self, address: str) -> str | None:
        """Why this literal address must not be dialled; None when it may. Zone ids are ignored."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return "not an IP address"
        if isinstance(parsed, IPv4Address):
            return self._refusal_v4(parsed)
        return self._refusal_v6(parsed)

    def _refusal_v4(self, address: IPv4Address) -> str | None:
        if self._opened(address):
            return None
        return next((why for net, why in _DENIED_V4 if address in net), None)

    def _refusal_v6(self, address: IPv6Address) -> str | None:
        opened = self._opened(address)
        if address in _LOCAL_V6:
            return None if opened else _LOCAL_V6[address]
        # A range that is opened opens no IPv4 address that can be reached through it.
        for inner in _embedded(address):
            refusal = self._refusal_v4(inner)
            if refusal is not None:
                return refusal
        if opened or any(address in net for net in _TRANSLATED):
            return None
        if address in _LOCAL_NAT64 or any(address in net for net, _, _ in _EMBEDDING):
            return "transition range"  # even with an acceptable address inside, it leads who knows where
        if address not in _GLOBAL_V6:
            return "not global unicast"
        return next((why for net, why in _DENIED_V6 if address in net), None)

    def _opened(self, address: Address) -> bool:
        return any(address in net for net in self._allow if net.version == address.version)


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that a translator or tunnel may take out of this one."""
    bits = int(address)
    found = [
        IPv4Address((bits >> shift & 0xFFFF_FFFF) ^ (0xFFFF_FFFF if inverted else 0))
        for net, shift, inverted in _EMBEDDING
        if address in net
    ]
    if bits >> 32 & 0xFFFF_FFFF & ~_U_AND_G == _ISATAP:
        found.append(IPv4Address(bits & 0xFFFF_FFFF))
    if address in _LOCAL_NAT64:
        found += _local_nat64(bits)
    return found


def _local_nat64(bits: int) -> list[IPv4Address]:
    """By every prefix length that fits in 64:ff9b:1::/48 (RFC 6052, section 2.2): which of them an operator uses
    is not to be seen. Where the bits behind an address would not be 0, it has another length."""
    plain = bits >> 64 << 56 | bits & (1 << 56) - 1  # without the octet of 0 that lies in bits 64 to 71
    lengths = {48: 40, 56: 32, 64: 24}  # prefix length: bits behind the address
    found = [plain >> behind & 0xFFFF_FFFF for behind in lengths.values() if bits & (1 << behind) - 1 == 0]
    return [IPv4Address(one) for one in (*found, bits & 0xFFFF_FFFF) if one] or [IPv4Address(0)]
