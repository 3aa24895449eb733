"""One answer, from bytes to status, headers and the first bytes of the body. No sockets here."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEAD_BYTES = 32 * 1024
HEADER_LINES = 256
INTERIM_ANSWERS = 8
_WIRE_PER_BODY_BYTE = 8  # chunks of one byte take six


class BadAnswer(Exception):
    """Not HTTP/1.1, or beyond a limit; the text is the sentence to report."""


class Answer:
    """Feed it what arrives until it is `complete`. Memory is bounded by the caps whatever is fed.

    Interim answers (1xx, RFC 9110, section 15.2) are skipped. The body keeps its content coding.
    """

    __slots__ = (
        "_body_cap", "_fault", "_interim", "_parser", "_parts", "_raw", "_size", "_wire",
        "body_cut", "complete", "head_done", "keep", "status",
    )  # fmt: skip

    def __init__(self, body_cap: int) -> None:
        self.status = 0
        self.head_done = False
        self.complete = False
        self.body_cut = False
        self.keep = False  # whether the connection may carry another request
        self._body_cap = body_cap
        self._raw: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._wire = 0
        self._interim = 0
        self._fault: str | None = None
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> bool:
        """True when the answer is complete. Raises BadAnswer."""
        if not self.head_done and self._wire + len(data) > HEAD_BYTES:
            room = max(HEAD_BYTES - self._wire, 0)
            if not self._parse(data[:room]) and not self.head_done:
                raise BadAnswer(f"The head of the answer is larger than {HEAD_BYTES} bytes.")
            data = data[room:]
            if self.complete:
                self.keep = False
                return True
        if not self._parse(data) and self._wire > 2 * HEAD_BYTES + _WIRE_PER_BODY_BYTE * self._body_cap:
            raise BadAnswer("The answer spends far more bytes on its framing than on its content.")
        return self.complete

    def end(self) -> bool:
        """The receiver closed; True when that is how this answer ends (RFC 9112, section 6.3, rule 8)."""
        if self.head_done and not self.complete and not self._delimited():
            self._finish(keep=False)
        return self.complete

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return tuple([(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self._raw])

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    def keep_alive_s(self) -> int | None:
        """Seconds the receiver says it keeps an idle connection (`Keep-Alive: timeout=5`)."""
        for name, value in self._raw:
            if name.lower() == b"keep-alive":
                digits = value.lower().partition(b"timeout=")[2].partition(b",")[0].strip()
                return int(digits[:6]) if digits.isdigit() else None
        return None

    def _parse(self, data: bytes) -> bool:
        self._wire += len(data)
        parser = self._parser
        if parser is None:
            return True
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.keep = False
            if self._fault:
                raise BadAnswer(self._fault) from None
            if not self.complete:
                part = "body" if self.head_done else "head"
                raise BadAnswer(f"The {part} of the answer is not valid HTTP/1.1.") from None
        if self.complete:
            self._parser = None  # parser and answer hold each other
        return self.complete

    def _finish(self, *, keep: bool) -> None:
        self.complete = True
        self.keep = keep

    def _delimited(self) -> bool:
        fields = {name.lower(): value for name, value in self._raw}
        coding = fields.get(b"transfer-encoding")
        if coding is not None:
            return coding.lower().rstrip().endswith(b"chunked")
        return b"content-length" in fields

    def _refuse(self, fault: str) -> None:
        self._fault = fault
        raise BadAnswer(fault)  # through the parser, which stops

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.complete:
            raise BadAnswer  # bytes nobody asked for: the parser stops, the connection is not kept

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_done:
            return  # a trailer
        if len(self._raw) >= HEADER_LINES:
            self._refuse(f"The answer has more than {HEADER_LINES} header lines.")
        self._raw.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None  # noqa: S101
        status = parser.get_status_code()
        if parser.get_http_version() not in ("1.1", "1.0") or status < 100:
            self._refuse("The head of the answer is not valid HTTP/1.1.")
        if status == 101:
            self._refuse("The receiver switched protocols without being asked.")
        if status < 200:
            self._interim += 1
            if self._interim > INTERIM_ANSWERS:
                self._refuse(f"The receiver sent more than {INTERIM_ANSWERS} interim answers.")
            self._raw.clear()
            return
        self.status = status
        self.head_done = True

    def on_body(self, data: bytes) -> None:
        room = self._body_cap - self._size
        if len(data) > room:
            self._parts.append(data[:room])
            self.body_cut = True
            self._finish(keep=False)
            raise BadAnswer  # nothing behind the cap is read
        self._parts.append(data)
        self._size += len(data)

    def on_message_complete(self) -> None:
        if self.head_done and self._parser is not None:
            self._finish(keep=self._parser.should_keep_alive())
