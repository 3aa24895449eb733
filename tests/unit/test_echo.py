"""No secret of a request is left in what is kept of the answer, however the receiver writes it."""

import base64
import hashlib
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.domain.echo import MOST_FOUND, SHORTEST, SHORTEST_PART, EchoMask, request_secrets
from outrider.domain.model import Webhook
from outrider.domain.redaction import MASK

LONG = base64.b85encode(hashlib.shake_256(b"long").digest(800)).decode()
SECRET = 'tok-9f&8A\\7"b2/ä+c 4%41'


def _every(form: str) -> Callable[[str], bytes]:
    return lambda text: "".join(form.format(byte) for byte in text.encode()).encode()


def _utf16_units(text: str) -> list[int]:
    coded = text.encode("utf-16-be")
    return [int.from_bytes(coded[at : at + 2]) for at in range(0, len(coded), 2)]


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "raw": str.encode,
    "json": lambda text: json.dumps(text).encode(),
    "json in json": lambda text: json.dumps({"seen": json.dumps({"h": text})}).encode(),
    "json in json in json": lambda text: json.dumps(json.dumps(json.dumps(text))).encode(),
    "json, slashes escaped": lambda text: json.dumps(text, ensure_ascii=False).replace("/", "\\/").encode(),
    "json, every character": lambda text: "".join(f"\\u{unit:04X}" for unit in _utf16_units(text)).encode(),
    "javascript": _every("\\x{:02x}"),
    "python": lambda text: repr(text.encode()).encode(),
    "url": lambda text: quote(text, safe="").encode(),
    "url, lower case": _every("%{:02x}"),
    "url, upper case": _every("%{:02X}"),
    "form": lambda text: quote_plus(text).encode(),
    "url twice": lambda text: quote(quote(text)).encode(),
    "url in json": lambda text: json.dumps("https://a.example/?a=" + quote(text)).encode(),
    "html": lambda text: html.escape(text).encode(),
    "html, decimal": lambda text: "".join(f"&#{ord(c)};" for c in text).encode(),
    "html, hexadecimal": lambda text: "".join(f"&#X{ord(c):X};" for c in text).encode(),
    "json in html": lambda text: html.escape(json.dumps(text)).encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one before": lambda text: base64.b64encode(b"a" + text.encode() + b"z"),
    "base64, two before": lambda text: base64.b64encode(b"ab" + text.encode() + b"yz"),
    "base64, url-safe": lambda text: base64.urlsafe_b64encode(b">>?>" + text.encode()),
    "base64, wrapped": lambda text: base64.encodebytes(b"\xff" * 50 + text.encode()),
    "base64, wrapped in json": lambda text: json.dumps(
        base64.encodebytes(b"~" * 50 + text.encode()).decode()
    ).encode(),
    "base64 of url": lambda text: base64.b64encode(b"/?a=" + quote(text).encode()),
    "base64 of form": lambda text: base64.b64encode(b"a=" + quote_plus(text).encode() + b"&"),
    "base64 of json": lambda text: base64.b64encode(json.dumps({"a": text}).encode()),
    "hex of url": lambda text: quote(text).encode().hex().encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "upper-case hex": lambda text: text.encode().hex().upper().encode(),
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "folded": lambda text: text.replace(" ", "\r\n\t").encode(),
    "utf-16": lambda text: "\0".join(text).encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", [SECRET, "a1B2c3D4e5F6g7H8", "pässwörd-ÜÖ-😀9", LONG], ids=len)
def test_a_secret_is_masked_in_every_encoding(encoding: str, secret: str) -> None:
    encode = ENCODINGS[encoding]
    echoed = encode(secret)
    answer = EchoMask([secret]).mask(b'{"seen": "' + echoed + b'", "ok": 1}', cut=False)
    assert answer.startswith(b'{"seen": "') and answer.endswith(b'", "ok": 1}')  # noqa: PT018
    kept = answer[10:-11]
    assert kept.count(MASK.encode()) == 1
    beside, nothing = kept.replace(MASK.encode(), b""), encode("")
    if "base64" in encoding:  # some characters stand for the secret and its neighbour
        assert len(beside) <= len(nothing) + 6
    else:
        assert beside == nothing


LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp"), exclude_characters="+-*")


@given(st.text(LETTERS, min_size=12, max_size=40), st.sampled_from(sorted(ENCODINGS)))
def test_nothing_of_any_secret_can_be_read_back(secret: str, encoding: str) -> None:
    mask = EchoMask([secret])
    once = mask.mask(ENCODINGS[encoding](secret), cut=False)
    assert mask.mask(once, cut=False) == once
    assert secret.encode() not in once


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_a_secret_cut_at_the_end_leaves_no_beginning(encoding: str) -> None:
    secret = "Zq7wX9_kP2mV5tR8yB1"
    echoed = ENCODINGS[encoding](secret)
    whole = b"- " * 8 + echoed
    for end in range(len(whole) - len(echoed) + 1, len(whole) + 1):
        kept = EchoMask([secret]).mask(whole[:end], cut=True)
        shown = kept.replace(MASK.encode(), b"")[15:]
        left = {ENCODINGS[encoding](secret[:length]).strip(b'"\\') for length in range(SHORTEST, len(secret) + 1)}
        assert not any(form in shown for form in left if len(form) >= SHORTEST), (end, kept)


def test_an_answer_that_was_not_cut_keeps_its_end() -> None:
    assert EchoMask(["Zq7wX9kP2mV5"]).mask(b"ends with Zq7w", cut=False) == b"ends with Zq7w"


def test_a_beginning_is_masked_where_the_receiver_cut() -> None:
    kept = EchoMask(["Zq7wX9kP2mV5"]).mask(b'{"token":"Zq7wX9kP..."}', cut=False)
    assert kept == b'{"token":"**********..."}'


def test_short_secrets_are_masked_where_they_stand_alone() -> None:
    mask = EchoMask(["hunter2", "abc", "true"])
    assert mask.mask(b'{"p":"hunter2","ok":true,"a":"abc"}', cut=False) == b'{"p":"**********","ok":true,"a":"abc"}'
    assert mask.mask(b"hunter2000 xhunter2 hunter2_", cut=False) == b"hunter2000 xhunter2 hunter2_"
    assert mask.mask(base64.b64encode(b"user:hunter2"), cut=False).count(MASK.encode()) == 1


def test_a_scheme_before_the_credential_may_be_left_out() -> None:
    assert b"s3cr3tk3y" not in EchoMask(["ApiKey s3cr3tk3y, sig=0123456789"]).mask(b"key is s3cr3tk3y", cut=False)


def test_what_is_no_secret_stays_byte_for_byte() -> None:
    for body in (b"", b"{}", b"\xff\xfe\x00" * 9, b"%41%", b'{"a":"\\u00e9&amp;"}', b"OK " * 900):
        assert EchoMask(["Zq7wX9kP2mV5", "hunter2"]).mask(body, cut=True) == body
    assert EchoMask([]).mask(b"anything", cut=True) == b"anything"


def test_an_answer_full_of_secrets_is_masked_whole() -> None:
    assert EchoMask(["a" * 4000]).mask(b"ab" * 10 + b"a" * 4000, cut=False) == MASK.encode()
    assert EchoMask(["Zq7wX9kP2mV5"]).mask(b"Zq7wX9kP2mV5," * (MOST_FOUND + 1), cut=False) == MASK.encode()


def test_overlapping_beginnings_do_not_hide_a_whole_secret() -> None:
    kept = EchoMask(["abcabcabx"]).mask(b"<abcabcabcabx>", cut=False)
    assert kept == b"<**********>"


def test_time_is_bounded_whatever_owner_and_receiver_agree_on() -> None:
    """Fifty headers of 4 KB that begin alike, and an answer that nearly matches them everywhere."""
    secrets = [f"{'a' * SHORTEST_PART}{n:02d}" + "ab%41\\u0061" * 400 for n in range(50)]
    bodies = [b"aaaaaaaa%34\\u0061" * 255, b"%25" * 1365, b"a" * 4096, (b"a" * 8 + b"49" + b"ab%41" * 12) * 58]
    mask = EchoMask(secrets)
    mask.mask(b"compiled before", cut=False)
    for body in bodies:
        started = time.process_time()
        mask.mask(body[:4096], cut=True)
        assert time.process_time() - started < 1.0


def test_what_is_secret_of_a_request() -> None:
    headers = {"X-Api-Key": "k1", "X-Environment": "prod-eu", "X-Anything": "v", "X-Marked": "plain", "X-Empty": ""}
    url = "https://u:pw@a.example/hooks/T0241X99ZK/123456789012345678/v1?token=s%203&x_region=eu&a=b+c&empty=&alone&Alone4Ever"
    webhook = Webhook(
        "w", "t", "", ("Login",), url, "", None, headers, {"sig": "p 1", "lang": "de"}, 0, 0,
        plain_headers=("x_marked",),
    )  # fmt: skip
    expected = ("k1", "v", "p 1", "s 3", "b c", "T0241X99ZK", "123456789012345678", "Alone4Ever", "u",
                "pw")  # fmt: skip
    assert request_secrets(webhook) == expected


def test_any_number_of_secrets() -> None:
    """More than one pattern holds, as configurations from before there was a bound may have."""
    secrets = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(3_000)]
    mask = EchoMask(secrets)
    for secret in (secrets[0], secrets[1_500], secrets[-1]):
        assert mask.mask(f"<{secret}>".encode(), cut=False) == f"<{MASK}>".encode()
    assert mask.mask(b"nothing of ours", cut=False) == b"nothing of ours"
