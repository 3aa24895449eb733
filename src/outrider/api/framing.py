"""What may stand around the content of a request, and how much of it: pure checks of bytes.

A head is read whole before it is parsed, so its bounds hold whatever it is made of, and cost what they are long.
Sources: RFC 9112, sections 2.2 (blank lines), 3 (request line), 3.2 (Host), 6.1 and 6.3 (length), 7.1 (chunks);
RFC 6585, section 5 (431).
"""

from __future__ import annotations

import re

from outrider.domain.errors import CallerError

LINE_BYTES = 8 * 1024  # the request line; RFC 9112 wants 8,000 at least
HEAD_BYTES = 32 * 1024  # request line and headers
FIELDS = 100
BLANK_BYTES = 64  # line ends before a request, which old clients send after a body
AROUND_BYTES = 16 * 1024  # of chunk sizes, extensions and trailers, beyond two bytes for each one of content
SLICE = 16 * 1024  # of a chunked body, between two looks at the bound
INVALID_REQUEST = 7900

END = b"\r\n\r\n"  # of a head, and of a chunked body
_BLANK = re.compile(rb"[\r\n]*")
_METHOD = re.compile(rb"[A-Z-]{1,32}(?: |\Z)")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?")
_PARTS_OF_END = (END[:3], END[:2], END[:1])


def blank_until(data: bytes, at: int) -> int:
    """Where the line ends that begin at `at` are over."""
    found = _BLANK.match(data, at)
    return at if found is None else found.end()


def fault_of_beginning(data: bytes, at: int) -> CallerError | None:
    """What is wrong with a head that is not there whole, as far as can be told."""
    line_end = data.find(b"\r\n", at)
    if line_end >= 0:
        fault = _fault_of_line(data, at, line_end)
    elif not _METHOD.match(data, at):
        fault = not_http("It does not begin with a method in capitals.")
    else:
        fault = long_line() if len(data) - at > LINE_BYTES else None
    if fault is None and data.find(b"\n\n", at) >= 0:
        fault = not_http("Its lines end without CR.")
    return fault or (large_head() if len(data) - at > HEAD_BYTES else None)


def fault_of_head(data: bytes, at: int, line_end: int, end: int) -> CallerError | None:
    """What is wrong with the head in `data[at:end]` that the parser would let pass."""
    if line_end - at > LINE_BYTES or data[line_end - 9 : line_end - 1] != b" HTTP/1.":
        return _fault_of_line(data, at, line_end)
    return large_head() if end - at > HEAD_BYTES else None


def begins_request(data: bytes) -> bool:
    """Whether `data`, of which more may come, can be the beginning of a request."""
    return _METHOD.match(data, blank_until(data, 0)) is not None


def _fault_of_line(data: bytes, at: int, line_end: int) -> CallerError | None:
    """The parser also takes HTTP/0.9, HTTP/2.0 without its framing, RTSP and ICE for requests."""
    if line_end - at > LINE_BYTES:
        return long_line()
    if data[line_end - 9 : line_end - 1] == b" HTTP/1.":
        return None
    if b" HTTP/" in data[at:line_end]:
        return _refused("The HTTP version is not supported", "send requests of HTTP/1.1", 505)
    return not_http("Its first line does not end with HTTP/1.1.")


def fault_of_host(value: bytes) -> CallerError | None:
    if _HOST.fullmatch(value):
        return None
    return _refused("The Host header is not acceptable", "Host: expected a name or address and a port", 400)


def fault_of_coding(value: bytes) -> CallerError | None:
    """Of a Transfer-Encoding; `chunked` alone is taken."""
    if value.strip().lower() == b"chunked":
        return None
    return _refused("The transfer coding is not supported", "Transfer-Encoding: expected chunked", 501)


def part_to_feed(data: bytes, at: int) -> int:
    """Where the next piece of a chunked body ends; `at` when more has to come first.

    Whatever is chunked ends with END, so a piece never reaches into the next request.
    """
    found = data.find(END, at, at + SLICE)
    if found >= 0:
        return found + len(END)
    if len(data) - at >= SLICE:
        return at + SLICE - len(END)
    for part in _PARTS_OF_END:
        if data.endswith(part, at):
            return len(data) - len(part)
    return len(data)


def not_http(reason: str) -> CallerError:
    return _refused("The request is not HTTP", f"{reason} Is the Content-Length in bytes?", 400)


def hosts(count: int) -> CallerError:
    return _refused("The Host header is not acceptable", f"expected one Host header, given {count}", 400)


def chunks_of_old() -> CallerError:
    return _refused("The request is not HTTP", "Transfer-Encoding in a request of HTTP/1.0", 400)


def long_line() -> CallerError:
    return _refused("The URL is too long", f"the request line: expected at most {LINE_BYTES} bytes", 414)


def large_head() -> CallerError:
    return _refused("The headers are too large", f"URL and headers: expected at most {HEAD_BYTES} bytes", 431)


def many_fields() -> CallerError:
    return _refused("The headers are too many", f"expected at most {FIELDS} headers", 431)


def much_around_chunks() -> CallerError:
    hint = "too much beside the content: chunks of few bytes, chunk extensions, trailers"
    return _refused("The chunks are not acceptable", hint, 400)


def too_slow(limit_s: float) -> CallerError:
    hint = f"a request has to arrive whole within {limit_s:g} s; nothing was stored, send it again"
    return _refused("The request took too long", hint, 408)


def _refused(message: str, description: str, status: int) -> CallerError:
    return CallerError(message, description, code=INVALID_REQUEST, status=status)
