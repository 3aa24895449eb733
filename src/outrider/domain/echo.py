"""Masking what receivers echo: the secrets of a request, wherever they stand in what is kept of its answer.

The answer is unescaped instead of the secrets being escaped: JSON, percent and HTML escapes are undone up to
`LEVELS` times, and each time the secrets are looked for, as they are, in base64 (RFC 4648, both alphabets, any
alignment) and in hexadecimal. Letters match in any case; white space, NUL, `+` and `-` are not compared, so that
wrapped lines, UTF-16, and a space sent as `+` change nothing.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

import re2  # type: ignore[import-untyped]  # it has no types

from outrider.domain.exposure import secret_headers, secret_params
from outrider.domain.model import Webhook
from outrider.domain.redaction import MASK, PLAIN_NAMES, folded
from outrider.domain.target import looks_secret

LEVELS = 3
SHORTEST = 4  # shorter values are not looked for: they would mask every answer
SHORTEST_PART = 8  # of this length on, a secret is found inside other text, and by its beginning alone
MOST_FOUND = 100  # an answer with more is masked whole
_MASK = MASK.encode()
_AT_ONCE = 2_000  # forms in one pattern, far below what RE2 has memory for
# Short values that answers are full of: masking them would hide nothing and spoil everything.
_COMMON = frozenset(b"true false null none json text html test live http https utf8 basic bearer error".split())

_IGNORED = b" \t\r\n\0+-"
_FOLDED = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_", b"abcdefghijklmnopqrstuvwxyz/")
_ESCAPE = re.compile(
    rb"""%[0-9a-f]{2}                               # RFC 3986
    | \\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}     # JSON: a surrogate pair
    | \\ud[89ab][0-9a-f]{2}(?:\\(?:u[0-9a-f]{0,3})?)?\Z
    | \\u[0-9a-f]{4} | \\x[0-9a-f]{2} | \\["'\\/bfnrt]
    | &(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});
    | (?:%[0-9a-f]?|\\(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?|&\#?[a-z0-9]{0,31})\Z  # cut in the middle
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_BETWEEN = re.compile(r"[\s,;=]+")
_LOOKS_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{8,}|.{20,}")

Span = tuple[int, int]


class EchoMask:
    """Masks `secrets` in answers. Made once for each webhook and configuration; it costs nothing before the first
    answer that could hold one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._forms: _Forms | None = None
        self._harmless = b""

    def mask(self, body: bytes, *, cut: bool) -> bytes:
        """`body` with ten asterisks for every secret in it; when it was `cut`, also for one begun at its end."""
        if len(body) < SHORTEST or not self._secrets:
            return body
        if self._forms is None:
            self._forms = _Forms(self._secrets)
        if body == self._harmless and not cut:  # many receivers say the same every time
            return body
        spans: set[Span] = set()
        text, back = body, list[list[int]]()
        for level in range(LEVELS + 1):
            if level:
                if b"\\" not in text and b"%" not in text and b"&" not in text:
                    break
                text, places = _unescaped(text)
                back.append(places)
            for span in self._forms.found(text, cut=cut):
                spans.add(_placed(span, back))
                if len(spans) > MOST_FOUND:
                    return _MASK
        if spans:
            return _masked(body, spans)
        self._harmless = b"" if cut else body
        return body


class _Forms:
    """The secrets as they may stand in an unescaped answer: long ones by their first SHORTEST_PART bytes, short
    ones as words, which are masked where they stand alone."""

    def __init__(self, secrets: Iterable[str]) -> None:
        heads: dict[bytes, set[bytes]] = {}
        words: set[bytes] = set()
        for raw in _forms(secrets):
            form = raw.translate(_FOLDED, _IGNORED)
            if len(form) >= SHORTEST_PART:
                heads.setdefault(form[:SHORTEST_PART], set()).add(form)
            elif len(form) >= SHORTEST and raw.lower() not in _COMMON:
                words.add(raw.lower())
        self._heads = {head: sorted(forms) for head, forms in heads.items()}
        self._words = words
        self._starts = [*heads, *(word.translate(_FOLDED, _IGNORED) for word in words)]
        self._any = _any_of(self._starts)

    def found(self, text: bytes, *, cut: bool) -> Iterable[Span]:
        folded = text.translate(_FOLDED, _IGNORED)
        if not cut and not self._any(folded):
            return ()
        return self._found(text, folded, cut=cut)

    def _found(self, text: bytes, folded: bytes, *, cut: bool) -> Iterator[Span]:
        if self._any(folded):
            yield from self._long(text, folded)
            yield from self._short(text.lower())
        if cut:
            begun = max((_begun(folded, start) for start in self._starts), default=0)
            if begun:
                yield _kept(text)[-begun], len(text)

    def _long(self, text: bytes, folded: bytes) -> Iterator[Span]:
        """Each as far as it goes on: the receiver, or our own bound, may have cut it."""
        kept = _kept(text)
        for head, forms in self._heads.items():
            at = folded.find(head)
            while at >= 0:
                place = bisect(forms, folded[at:])  # of sorted forms a neighbour goes on longest
                length = max(_common(folded, at, form) for form in forms[max(place - 1, 0) : place + 1])
                yield kept[at], kept[at + length - 1] + 1
                at = folded.find(head, at + 1)

    def _short(self, lowered: bytes) -> Iterator[Span]:
        for word in self._words:
            at = lowered.find(word)
            while at >= 0:
                end = at + len(word)
                if not any(byte in _WORD_BYTES for byte in lowered[max(at - 1, 0) : at] + lowered[end : end + 1]):
                    yield at, end
                at = lowered.find(word, at + 1)


def request_secrets(webhook: Webhook) -> tuple[str, ...]:
    """What is secret of a webhook's own headers and parameters, and of the URL it calls: all values but those of
    plain names, and the parts of the path that look random."""
    parts = urlsplit(webhook.target_url)
    values = [*secret_headers(webhook).values(), *secret_params(webhook).values()]
    named = parse_qsl(parts.query, keep_blank_values=True)
    values += [value for name, value in named if folded(name) not in PLAIN_NAMES]
    alone = [field for field in parts.query.split("&") if "=" not in field]
    segments = [unquote(segment) for segment in [*parts.path.split("/"), *alone]]
    values += [segment for segment in segments if _LOOKS_RANDOM.fullmatch(segment) or looks_secret(segment)]
    values += [unquote(part) for part in (parts.username, parts.password) if part]
    return tuple(dict.fromkeys(value for value in values if value))


def _forms(secrets: Iterable[str]) -> Iterator[bytes]:
    for secret in secrets:
        raw = unescaped = secret.encode()
        for _ in range(LEVELS):  # the answer's other escapes are undone together with those in the secret itself
            yield unescaped
            unescaped = _unescaped(unescaped)[0]
        yield from (secret.upper().encode(), secret.lower().encode())  # other letters than ASCII's
        for escaped in {
            raw,
            quote(secret).encode(),
            quote_plus(secret).encode(),
            json.dumps(secret)[1:-1].encode(),
        }:
            yield escaped.hex().encode()
            yield from _base64_forms(escaped)
        for part in _BETWEEN.split(secret):  # a scheme before the credential, say
            if len(part) >= SHORTEST_PART:
                yield part.encode()


def _any_of(literals: list[bytes]) -> Callable[[bytes], bool]:
    """Whether any of them is in a text, in time that hardly grows with their number."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    groups = [literals[at : at + _AT_ONCE] for at in range(0, len(literals), _AT_ONCE)]
    searches = [re2.compile(b"|".join(map(re2.escape, group)), options).search for group in groups]
    return lambda text: any(search(text) is not None for search in searches)


def _kept(text: bytes) -> list[int]:
    """Where the bytes stand that are compared."""
    return [place for place, byte in enumerate(text) if byte not in _IGNORED]


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """The characters that stand for these bytes whatever is encoded before and after them."""
    for before in range(3):
        coded = b64encode(b"\0" * before + raw)
        yield coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def _common(text: bytes, at: int, form: bytes) -> int:
    """How much of `form` stands at `at`."""
    if text.startswith(form, at):
        return len(form)
    low, high = 0, min(len(form), len(text) - at)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(form[:middle], at):
            low = middle
        else:
            high = middle - 1
    return low


def _begun(text: bytes, head: bytes) -> int:
    """How long the beginning of a secret is that `text` ends with."""
    for length in range(min(len(head), SHORTEST_PART - 1), SHORTEST - 1, -1):
        if text.endswith(head[:length]):
            return length
    return 0


def _unescaped(text: bytes) -> tuple[bytes, list[int]]:
    """With escapes undone once, and for each of its bytes (and its end) where it stood."""
    out: list[bytes] = []
    places: list[int] = []
    copied = 0
    for escape in _ESCAPE.finditer(text):
        start, end = escape.span()
        meant = _meaning(escape.group())
        out += (text[copied:start], meant)
        places += range(copied, start)
        places += [start] * len(meant)
        copied = end
    out.append(text[copied:])
    places += range(copied, len(text) + 1)
    return b"".join(out), places


def _meaning(escape: bytes) -> bytes:
    if escape[:1] == b"&":
        return html.unescape(escape.decode("ascii")).encode("utf-8", "replace") if escape[-1:] == b";" else b""
    if escape[:1] == b"%":
        return bytes.fromhex(escape[1:].decode()) if len(escape) == 3 else b""
    kind = escape[1:2].lower()
    if kind == b"x" and len(escape) == 4:
        return bytes.fromhex(escape[2:].decode())
    if kind == b"u" and len(escape) in {6, 12}:
        units = bytes.fromhex(escape.decode().lower().replace("\\u", ""))
        return units.decode("utf-16-be", "ignore").encode()
    if kind in {b"", b"u", b"x"}:
        return b""  # cut in the middle
    return _CONTROLS.get(escape[1:2], escape[1:2])


def _placed(span: Span, back: list[list[int]]) -> Span:
    """Where a span of the last level stands in the answer."""
    start, end = span
    for places in reversed(back):
        # The byte after the span begins where its last escape ends.
        start, end = places[start], places[end]
    return start, end


def _masked(body: bytes, spans: set[Span]) -> bytes:
    out: list[bytes] = []
    copied = 0
    merged: list[list[int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    for start, end in merged:
        out += (body[copied:start], _MASK)
        copied = end
    return b"".join((*out, body[copied:]))
