"""Hosts: one spelling, the same wherever it counts; and the address judged is the one dialled."""

import socket

import pytest

from outrider.domain.address import AddressPolicy
from outrider.domain.errors import InvalidField
from outrider.domain.host import UnusableHost, canonical_host, is_address
from outrider.domain.target import check_target_url, same_target
from outrider.egress.wire import target

NAMES = {
    "example.com": "example.com",
    "EXAMPLE.com": "example.com",
    "a.b.": "a.b.",
    "my_service": "my_service",
    "straße.test": "xn--strae-oqa.test",
    "STRASSE.test": "strasse.test",
    "faß。de": "xn--fa-hia.de",
    "Bücher.example": "xn--bcher-kva.example",
    "b%C3%BCcher.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "XN--BCHER-KVA.example": "xn--bcher-kva.example",
    "ｅｘａｍｐｌｅ．ｃｏｍ": "example.com",
    "βόλος.com": "xn--nxasmm1c.com",  # the final sigma stays
    "क्\u200dष.test": "xn--11b2ezcw70k.test",  # a joiner where the script needs it
    "نامه\u200cای.com": "xn--mgba3gch31f060k.com",
    "my_srv.bücher.example": "my_srv.xn--bcher-kva.example",
    "x" * 63 + ".test": "x" * 63 + ".test",
}
ADDRESSES = {
    "127.0.0.1": "127.0.0.1",
    "127.1": "127.0.0.1",
    "127.0.1": "127.0.0.1",
    "0177.0.0.1": "127.0.0.1",
    "0x7f.1": "127.0.0.1",
    "0X7F000001": "127.0.0.1",
    "2130706433": "127.0.0.1",
    "017700000001": "127.0.0.1",
    "127.0.0.1.": "127.0.0.1",
    "127。0。0。1": "127.0.0.1",
    "１２７.０.０.１": "127.0.0.1",
    "①②⑦.0.0.1": "127.0.0.1",
    "%31%32%37.0.0.1": "127.0.0.1",
    "0": "0.0.0.0",
    "0x": "0.0.0.0",
    "::1": "::1",
    "0:0:0:0:0:0:0:1": "::1",
    "2001:DB8::1": "2001:db8::1",
}
UNUSABLE = """. a..b .a -.. ☃.net 💩.la a\u200db.test a\u200cb.test \u200d.test 1.2.3.4.5 256.1.1.1 1.256.1
4294967296 08.1 1.2.0x1ffff foo.0x4 foo.12 +1.2 1_0.1 fe80::1%eth0 fe80::1%25eth0 ::g :1 1::2::3 a%2fb a%00b a%b
%ff.test a\\b a|b a+b a~b \u0663.\u0664.\u0665.\u0666 ⒈com \u00ad 1\u05d0.test \u202e.test %.test""".split()


@pytest.mark.parametrize(("given", "host"), (NAMES | ADDRESSES).items())
def test_hosts_have_one_spelling(given: str, host: str) -> None:
    assert canonical_host(given) == host
    assert canonical_host(host) == host
    assert is_address(host) == (given in ADDRESSES)


@pytest.mark.parametrize("given", [*UNUSABLE, "x" * 64 + ".test", "x." * 127 + "test"])
def test_what_cannot_be_dialled_is_refused_when_it_is_set(given: str) -> None:
    with pytest.raises(UnusableHost):
        canonical_host(given)
    host = f"[{given}]" if ":" in given else given
    with pytest.raises(InvalidField):
        check_target_url(f"https://{host}/")


@pytest.mark.parametrize("given", [one for one in ADDRESSES if "." in one or one.isalnum()])
def test_numbers_are_read_as_resolvers_read_them(given: str) -> None:
    """`inet_aton` is what would be dialled; full-width and percent-encoded digits are not for it."""
    if given.isascii() and "%" not in given and not given.endswith(".") and given != "0x":
        assert socket.inet_ntoa(socket.inet_aton(given)) == canonical_host(given)


@pytest.mark.parametrize("host", ["straße.test", "straße.test.", "0x7f.1", "[0:0::1]", "BÜCHER.example:8443"])
def test_what_is_dialled_named_and_asked_for_is_what_was_checked(host: str) -> None:
    url = f"https://{host}/a"
    check_target_url(url)
    aim = target(url, ())
    bare = host.strip("[]") if host.startswith("[") else host.partition(":")[0]
    assert aim.host == canonical_host(bare)
    assert aim.server_name == aim.host.removesuffix(".")
    shown = f"[{aim.host}]" if ":" in aim.host else aim.host
    port = "" if aim.port == 443 else f":{aim.port}"
    assert aim.opening.split(b"\r\n")[1] == f"host: {shown}{port}".encode()


def test_the_same_target_in_another_spelling() -> None:
    assert same_target("https://Bücher.example/a", "https://xn--bcher-kva.example:443/a")
    assert same_target("https://0x7f.1/", "https://127.0.0.1")
    assert not same_target("https://straße.test/", "https://strasse.test/")
    assert same_target("https://☃.net/", "https://☃.net:443/")  # saved when it could be dialled


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "0xa.1", "167772161", "１０.0.0.1", "[fd00::1]", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254",
     "[64:ff9b::a00:1]", "[2001:4860::5efe:10.0.0.1]"],
)  # fmt: skip
def test_an_address_outside_the_policy_is_refused_when_it_is_set(host: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_target_url(f"https://{host}:8443/hook", egress=AddressPolicy())
    assert refused.value.field == "TargetUrl"
    assert "OUTRIDER_EGRESS_ALLOW" in (refused.value.expected or "")
    assert check_target_url(f"https://{host}/", egress=AddressPolicy.parse("0.0.0.0/0,::/0"))


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "[64:ff9b::808:808]", "localhost", "10.example"])
def test_other_hosts_are_not(host: str) -> None:
    assert check_target_url(f"https://{host}/", egress=AddressPolicy())
