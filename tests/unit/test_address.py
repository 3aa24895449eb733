"""The address policy, on both sides of every border."""

import pytest

from outrider.domain.address import AddressPolicy
from outrider.domain.errors import ConfigError

REFUSED = """0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.255.255.254 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
192.168.0.1 192.168.255.255 168.63.129.16 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::1%lo fe80::1 fe80::1%eth0 fc00::1 fd00::1 fec0::1 ff02::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::169.254.169.254 64:ff9b::a00:1
64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1:: 2001::1 64:ff9b::a9fe:a9fe 64:ff9b::6440:1
64:ff9b::e000:1 64:ff9b:1::808:808 64:ff9b:1:808:8:800:: ::ffff:0:7f00:1 ::ffff:0:808:808
2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:10.0.0.1 2606:4700::300:5efe:127.0.0.1
2606:4700::100:5efe:192.168.0.1 2606:4700:1:2:0:5efe:169.254.169.254 fe80::5efe:8.8.8.8 2001:0:7f00:1::
2001:db8::1 2001:10::1 2001:20::1 3fff::1 5f00::1 100::1 2620:4f:8000::1 not-an-address 127.1 0177.0.0.1
2130706433 0x7f000001""".split()
ALLOWED = """1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.0.1
172.15.255.255 172.32.0.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 ::ffff:8.8.8.8
64:ff9b::808:808 64:ff9b::101:101
2606:4700::5efe:8.8.8.8 2606:4700::200:5efe:808:808 2606:4700:0:0:1:5efe:10.0.0.1
2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1""".split()


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str) -> None:
    assert AddressPolicy().refusal(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_allowed(address: str) -> None:
    assert AddressPolicy().refusal(address) is None


def test_the_operator_opens_ranges_and_nothing_else() -> None:
    policy = AddressPolicy.parse("10.1.0.0/16, fd00::/8")
    assert policy.refusal("10.1.2.3") is None
    assert policy.refusal("::ffff:10.1.2.3") is None
    assert policy.refusal("fd12::1") is None
    assert policy.refusal("10.2.0.1") == "private"


OPENED = "64:ff9b::/96,64:ff9b:1::/48,2002::/16,2001::/32,::/96,::ffff:0:0:0/96,fd00::/8,fe80::/10"


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::7f00:1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1:7f:0:1::",
     "64:ff9b:1:a00:0:100::", "64:ff9b:1:0:7f:0:100::", "64:ff9b:1::a00:1", "64:ff9b:1::", "2002:7f00:1::",
     "2002:c0a8:1::1", "2001:0:1:2:3:4:80ff:fffe", "::127.0.0.1", "::10.0.0.1", "::ffff:0:10.0.0.1",
     "fd00::5efe:10.0.0.1", "fd00::200:5efe:127.0.0.1", "fe80::5efe:169.254.169.254"],
)  # fmt: skip
def test_an_opened_range_opens_no_ipv4_address_inside(address: str) -> None:
    assert AddressPolicy.parse(OPENED).refusal(address)
    assert AddressPolicy.parse("::/0").refusal(address)
    assert AddressPolicy.parse(f"{OPENED},0.0.0.0/0").refusal(address) is None


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::808:808", "64:ff9b:1::808:808", "64:ff9b:1:808:8:800::", "64:ff9b:1:8:8:808::",
     "64:ff9b:1:0:8:808:800::", "2002:808:808::1", "2001:0:1:2:3:4:f7f7:f7f7", "::8.8.8.8", "::ffff:0:8.8.8.8",
     "fd00::5efe:8.8.8.8", "fd00::1"],
)  # fmt: skip
def test_an_opened_range_is_open_for_public_ones(address: str) -> None:
    assert AddressPolicy.parse(OPENED).refusal(address) is None


def test_loopback_is_opened_as_such() -> None:
    assert AddressPolicy.parse("::1/128").refusal("::1") is None
    assert AddressPolicy.parse("::1/128").refusal("::") == "unspecified"
    assert AddressPolicy.parse("::1/128").refusal("::ffff:127.0.0.1") == "loopback"


@pytest.mark.parametrize("given", ["10.0.0.0/8,nonsense", "10.0.0.1/8", "::ffff:10.0.0.0/104", "::ffff:0:0/96"])
def test_a_wrong_range_stops_the_start(given: str) -> None:
    with pytest.raises(ConfigError) as refused:
        AddressPolicy.parse(given)
    assert refused.value.field == "OUTRIDER_EGRESS_ALLOW"
