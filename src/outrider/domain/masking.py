"""Masking of secrets in payloads, before anything is stored.

Payloads are masked in place: the bytes around a masked value stay as the producer sent them. Nulls and empty
strings stay too. Secret are the values of fields whose names say so (`domain/secret_names.py`), and what such a
name stands beside, as in `{"Name": "Password", "Value": "…"}`; both also in JSON inside strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from outrider.domain.redaction import MASK
from outrider.domain.secret_names import LOOKED_INTO, NAMED, NAMING, SECRET, SecretNames, read

DEEPEST = 4  # strings inside strings that are looked into; deeper ones are masked whole when they may hold secrets

# A string, with the colon that makes it a field's name; one that does not end is the last of JSON that was cut.
_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z))(\s*:)?|([{\[])|([}\]])|[^\s{}\[\],:"]+', re.DOTALL)
_STRING, _FIELD, _OPENING, _CLOSING = 1, 2, 3, 4
_KEPT = (b"null", b'""')
_MASKED = b'"' + MASK.encode() + b'"'


class Masking:
    """Masks payloads by the names that say what is secret. Time is linear in the payload."""

    def __init__(self, names: SecretNames) -> None:
        self.names = names

    def payload(self, data: bytes) -> bytes:
        """`data` (valid JSON) with every secret value, at any depth, replaced by ten asterisks.

        Everything below a secret name is masked. `PIN` is also the name of the object that holds the PIN, so an
        object of that name is looked into instead, and so are credentials.
        """
        if self.names.look(data) is None:  # nearly every payload is told harmless by this
            return data
        return self._masked(data, 0)

    def _masked(self, data: bytes, depth: int) -> bytes:
        out: list[bytes] = []
        copied = 0
        for start, end, instead in _Walk(self, depth).through(data):
            out += (data[copied:start], instead)
            copied = end
        return b"".join((*out, data[copied:])) if out else data

    def string(self, token: bytes, depth: int) -> bytes:
        """A JSON string, masked where its text holds fields with secret names."""
        text = read(token[1:-1])
        inner = text.encode("utf-8", "surrogatepass")
        if self.names.look(inner) is None:
            return token
        if depth >= DEEPEST:
            return _MASKED
        masked = self._masked(inner, depth + 1)
        if masked == inner:
            return token
        written = json.dumps(masked.decode("utf-8", "surrogatepass"), ensure_ascii=False)
        try:
            return written.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can hold
            return json.dumps(masked.decode("utf-8", "surrogatepass")).encode()


class _Container:
    """An object or array on the way down. Few are more than their defaults say, so that most are made cheaply."""

    below = b""  # the field it belongs to
    is_object = False
    secret = False  # and everything in it
    is_value = False  # of a field of the object around it that may turn out to be named as a secret
    looked_at = False  # all scalars in it are gathered: it is secret, or in such a value, at any depth
    first = 0  # which of the gathered scalars is the first in it
    named = False  # one of its fields holds the name of a secret ...
    values: list[tuple[int, int]] | None = None  # ... and from and to which scalar that reaches, which is so named

    def has_value(self, first: int, after: int) -> None:
        if self.values is None:
            self.values = []
        self.values.append((first, after))


class _Walk:
    """One pass over a payload's tokens. Scalars that may be secret are gathered, and marked once that is known."""

    def __init__(self, masking: Masking, depth: int) -> None:
        self._masking = masking
        self._kind_of = masking.names.kind
        self._depth = depth
        # From, to, what is written there where the scalar only holds secrets; and whether it is one.
        self._gathered: list[tuple[int, int, bytes | None]] = []
        self._marks = bytearray()

    def through(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """What is replaced, in order: from, to, and by what."""
        self._read(data)
        for (start, end, written), secret in zip(self._gathered, self._marks, strict=True):
            if secret or written is not None:
                yield start, end, _MASKED if secret or written is None else written

    def _read(self, data: bytes) -> None:
        inside = _Container()
        nesting: list[_Container] = []
        key, kind = b"", 0
        for token in _TOKEN.finditer(data):
            what = token.lastindex
            if what == _FIELD:
                key = token[1][1:-1]
                kind = self._kind_of(key, inside.below)
                continue
            if what == _OPENING:
                nesting.append(inside)
                inside = self._opened(inside, key, kind, token[3])
            elif what == _CLOSING:
                if nesting:  # else it is no JSON, but text with some in it
                    inside = self._closed(inside, nesting.pop())
            elif kind or inside.looked_at or (what == _STRING and b"\\" in token[1]):
                self._scalar(inside, kind, token)
            key, kind = b"", 0
        while nesting:  # JSON that was cut
            inside = self._closed(inside, nesting.pop())

    def _opened(self, around: _Container, key: bytes, kind: int, bracket: bytes) -> _Container:
        inside = _Container()
        if bracket == b"{":
            inside.is_object = True
        if around.is_object:
            inside.below = key
        elif around.below:
            inside.below = around.below
        if around.secret or (kind & SECRET and not (inside.is_object and kind & LOOKED_INTO)):
            inside.secret = inside.looked_at = True
        if kind & NAMED:
            inside.is_value = inside.looked_at = True
            inside.first = len(self._gathered)
        elif around.looked_at:
            inside.looked_at = True
        return inside

    def _closed(self, inside: _Container, around: _Container) -> _Container:
        if inside.named and inside.values is not None:
            for first, after in inside.values:
                self._marks[first:after] = b"\x01" * (after - first)
        if inside.is_value:
            around.has_value(inside.first, len(self._gathered))
        return around

    def _scalar(self, inside: _Container, kind: int, token: re.Match[bytes]) -> None:
        text = token.group()
        if text in _KEPT:
            return
        secret = inside.secret or bool(kind & SECRET)
        if kind & NAMING and text[:1] == b'"' and self._masking.names.secret(read(text[1:-1])):
            inside.named = True
        if kind & NAMED:
            inside.has_value(len(self._gathered), len(self._gathered) + 1)
        written = None if secret else self._rewritten(text)
        if secret or written is not None or inside.looked_at or kind & NAMED:
            self._gathered.append((*token.span(), written))
            self._marks.append(secret)

    def _rewritten(self, text: bytes) -> bytes | None:
        """A string with the secrets of JSON in it masked; None where it holds none."""
        if b'\\"' not in text and b"u0022" not in text:
            return None
        masked = self._masking.string(text, self._depth)
        return None if masked is text else masked
