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
_EMBEDDING = (
    # (range, bits to the right of the embedded IPv4 address, its bits inverted)
    (IPv6Network("::ffff:0:0/96"), 0, False),  # mapped
    (IPv6Network("::/96"), 0, False),  # compatible
    (IPv6Network("64:ff9b::/96"), 0, False),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0, False),  # local NAT64
    (IPv6Network("2002::/16"), 80, False),  # 6to4
    (IPv6Network("2001::/32"), 0, True),  # Teredo
)


class AddressPolicy:
    """Public unicast addresses may be dialled, and those the operator opened. Everything else is refused."""

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
        if self._opened(address):
            return None
        if address in _LOCAL_V6:
            return _LOCAL_V6[address]
        mapped = address.ipv4_mapped
        if mapped is not None:
            return self._refusal_v4(mapped)
        for net, shift, inverted in _EMBEDDING:
            if address in net:
                embedded = int(address) >> shift & 0xFFFF_FFFF
                inner = self._refusal_v4(IPv4Address(embedded ^ 0xFFFF_FFFF if inverted else embedded))
                # Even with an acceptable address inside, a transition range reaches who knows where.
                return inner or "transition range"
        if address not in _GLOBAL_V6:
            return "not global unicast"
        return next((why for net, why in _DENIED_V6 if address in net), None)

    def _opened(self, address: Address) -> bool:
        return any(address in net for net in self._allow if net.version == address.version)
