"""What a hostile client may send, one connection each, and what it gets: `SHAPES`; many of them at once: `swarm`.

`python -m hostile PORT COUNT` is a swarm that never ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice, repeat
from pathlib import Path

import msgspec

from harness import API_KEY, API_SECRET

EVENT = b'{"Event":"Login","Data":{"Uid":"u1"}}'
KEYS = f"x-loginradius-apikey: {API_KEY}\r\nx-loginradius-apisecret: {API_SECRET}\r\n".encode()
LENGTH = b"content-length: %d\r\n" % len(EVENT)
CHUNKED = b"transfer-encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
GOOD = b"POST /v2/events HTTP/1.1\r\nhost: x\r\n" + KEYS + LENGTH + b"\r\n" + EVENT
PIECE = 64 * 1024
MOST = 48 * 1024 * 1024  # bytes of what has no end

Sent = bytes | Callable[[], Iterator[bytes]]


class Shape(msgspec.Struct, frozen=True):
    """`status` of the first answer; unless it `closes`, a good request on the same connection is answered."""

    kind: str
    name: str
    sent: Sent
    status: int = 400
    closes: bool = True

    def pieces(self) -> Iterator[bytes]:
        return iter((self.sent,)) if isinstance(self.sent, bytes) else self.sent()


def post(
    *lines: bytes, body: bytes = EVENT, line: bytes = b"POST /v2/events HTTP/1.1", host: bytes = b"x"
) -> bytes:
    given = b"".join(each + b"\r\n" for each in lines)
    return b"%s\r\nhost: %s\r\n%s%s\r\n%s" % (line, host, KEYS, given, body)


def sized(*lines: bytes, **given: bytes) -> bytes:
    return post(LENGTH[:-2], *lines, **given)


def chunked(body: bytes, *lines: bytes, **given: bytes) -> bytes:
    return post(CHUNKED[:-2], *lines, body=body, **given)


def bare(*lines: bytes, line: bytes = b"POST /v2/events HTTP/1.1", body: bytes = EVENT) -> bytes:
    """With nothing but the lines given."""
    return b"\r\n".join((line, *lines, b"", b"")) + body


def endless(head: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    whole = piece * (PIECE // len(piece))
    return lambda: chain((head,), repeat(whole))


def shapes() -> Iterator[Shape]:
    yield from _framing()
    yield from _hosts()
    yield from _lengths()
    yield from _chunks()
    yield from _heads()
    yield from _bodies()


def _framing() -> Iterator[Shape]:
    def shape(name: str, sent: Sent, status: int = 400, *, closes: bool = True) -> Shape:
        return Shape("framing", name, sent, status, closes)

    key, secret = KEYS.split(b"\r\n")[:2]
    yield shape("only LF", GOOD.replace(b"\r\n", b"\n"))
    yield shape("LF ends the head", GOOD.replace(b"\r\n\r\n", b"\n\n"))
    yield shape("LF ends a header", sized(b"a: b\nc: d"))
    yield shape("CR within a header", sized(b"a: b\rc: d"))
    yield shape("NUL in a value", sized(b"a: b\0c"))
    yield shape("NUL in a name", sized(b"a\0: b"))
    yield shape("NUL in the URL", sized(line=b"POST /v2/events\0 HTTP/1.1"))
    yield shape("control character in a value", sized(b"a: \x01"))
    yield shape("DEL in a value", sized(b"a: \x7f"))
    yield shape("folded value", sized(b"a: b", b" c"))
    yield shape("folded first header", bare(b" host: x", key, secret, LENGTH[:-2]))
    yield shape("space before the colon", sized(b"a : b"))
    yield shape("space before the colon of a length", post(LENGTH[:-2].replace(b":", b" :")))
    yield shape("header without colon", sized(b"abc"))
    yield shape("header without name", sized(b": b"))
    yield shape("name beyond ASCII", sized(b"\xc3\xa4: b"))
    yield shape("value beyond ASCII", sized(b"a: \xc3\xa4"), 202, closes=False)
    yield shape("underscore for hyphen in a length", post(LENGTH[:-2], b"content_length: 3"), 202, closes=False)
    yield shape("tab in the first line", sized(line=b"POST\t/v2/events HTTP/1.1"))
    yield shape("space in the URL", sized(line=b"POST /v2/events /a HTTP/1.1"))
    yield shape("URL beyond ASCII", sized(line=b"POST /v2/events/\xc3\xa4 HTTP/1.1"))
    yield shape("URL that is none", sized(line=b"POST v2/events HTTP/1.1"))
    yield shape("fragment in the URL", sized(line=b"POST /v2/events#a HTTP/1.1"), 202, closes=False)
    yield shape("absolute URL", sized(line=b"POST http://y/v2/events HTTP/1.1"), 202, closes=False)
    yield shape("asterisk", bare(b"host: x", line=b"OPTIONS * HTTP/1.1", body=b""), 404, closes=False)
    yield shape("CONNECT", bare(b"host: x", line=b"CONNECT a.example:443 HTTP/1.1", body=b""))
    yield shape("method in lower case", sized(line=b"post /v2/events HTTP/1.1"))
    yield shape("unknown method", sized(line=b"GRAB /v2/events HTTP/1.1"))
    yield shape("HTTP/0.9 without saying so", b"GET /health\r\n\r\n")
    yield shape("HTTP/0.9", bare(b"host: x", line=b"GET /health HTTP/0.9", body=b""), 505)
    yield shape("HTTP/1.2", bare(b"host: x", line=b"GET /health HTTP/1.2", body=b""))
    yield shape("HTTP/2.0", bare(b"host: x", line=b"GET /health HTTP/2.0", body=b""), 505)
    yield shape("HTTP/2 by its preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 505)
    yield shape("HTTP/1.10", bare(b"host: x", line=b"GET /health HTTP/1.10", body=b""), 505)
    yield shape("RTSP", bare(b"host: x", line=b"GET /health RTSP/1.0", body=b""))
    yield shape("ICE", bare(b"host: x", line=b"SOURCE /health ICE/1.0", body=b""))
    yield shape("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500)
    yield shape("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n")
    yield shape("an answer", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    yield shape("noise", bytes(range(128, 256)) * 8)
    yield shape(
        "h2c upgrade", sized(b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AA")
    )


def _hosts() -> Iterator[Shape]:
    def shape(name: str, sent: Sent, status: int = 400, *, closes: bool = True) -> Shape:
        return Shape("host", name, sent, status, closes)

    key, secret = KEYS.split(b"\r\n")[:2]
    mine = (key, secret, LENGTH[:-2])
    old = b"POST /v2/events HTTP/1.0"
    yield shape("none", bare(*mine))
    yield shape("none, absolute URL", bare(*mine, line=b"POST http://x/v2/events HTTP/1.1"))
    yield shape("two", sized(b"host: y"))
    yield shape("the same twice", sized(b"host: x"))
    yield shape("two of them, HTTP/1.0", bare(b"host: x", b"host: x", *mine, line=old))
    yield shape("none, HTTP/1.0", bare(*mine, line=old), 202)
    yield shape("empty", sized(host=b""), 202, closes=False)
    yield shape("IPv6 and a port", sized(host=b"[::1]:8750"), 202, closes=False)
    for name in (b"a b", b"a,b", b"user@x", b"x/y", b"x:port", b"x:80:80", b"[::1", b"x\\y", b"\xc3\xa4", b"%zz"):
        if name != b"a,b":  # a comma may stand in a registered name (RFC 3986)
            yield shape(f"like {name!r}", sized(host=name))


def _lengths() -> Iterator[Shape]:
    def shape(name: str, *lines: bytes, status: int = 400, body: bytes = EVENT, version: bytes = b"1.1") -> Shape:
        return Shape("length", name, post(*lines, body=body, line=b"POST /v2/events HTTP/" + version), status)

    length, te = LENGTH[:-2], CHUNKED[:-2]
    yield shape("and chunks", length, te, body=CHUNKS)
    yield shape("after chunks", te, length, body=CHUNKS)
    yield shape("twice", length, length)
    yield shape("two of them", length, b"content-length: 5")
    for value in (b"5, 5", b"+5", b"-1", b"0x25", b"3 7", b"37;", b"", b"3_7", b"\xd9\xa5", b"9" * 30):
        yield shape(f"like {value!r}", b"content-length: " + value)
    yield shape("beyond the limit", b"content-length: 99999999999999", status=413, body=b" ")
    yield shape("chunks of HTTP/1.0", te, body=CHUNKS, version=b"1.0")
    for value in (b"identity", b"gzip, chunked", b"xchunked", b"chunkedx", b"gzip"):
        yield shape(f"coding {value!r}", b"transfer-encoding: " + value, status=501, body=CHUNKS)
    yield shape("coding twice", te, te, body=CHUNKS)
    yield shape("chunked, then another", te, b"transfer-encoding: identity", body=CHUNKS)
    yield shape("vertical tab before the coding", b"transfer-encoding: \x0bchunked", body=CHUNKS)
    yield shape("coding with a space before the colon", b"transfer-encoding : chunked", length)
    yield shape("coding in a folded line", b"transfer-encoding:", b" chunked", body=CHUNKS)


def _chunks() -> Iterator[Shape]:
    def shape(name: str, body: bytes, status: int = 400, *, closes: bool = True) -> Shape:
        return Shape("chunks", name, chunked(body), status, closes)

    size = b"%x" % len(EVENT)
    for wrong in (size + b"x", size + b" ", b"-" + size, b"+" + size, b"0x" + size, b"", b"f" * 17):
        yield shape(f"size {wrong!r}", wrong + b"\r\n" + EVENT + b"\r\n0\r\n\r\n")
    yield shape("LF alone", CHUNKS.replace(b"\r\n", b"\n"))
    yield shape("more than its size", b"5\r\n" + EVENT + b"\r\n0\r\n\r\n")
    yield shape("LF in an extension", size + b";a=\nb\r\n" + EVENT + b"\r\n0\r\n\r\n")
    yield shape(
        "with extension and trailer",
        CHUNKS.replace(b"\r\n", b";a=b\r\n", 1)[:-2] + b"t: v\r\n\r\n",
        202,
        closes=False,
    )
    yield shape("a length as trailer", CHUNKS[:-2] + b"content-length: 5\r\n\r\n")
    yield shape("size with zeros before it", b"0" * 1000 + CHUNKS, 202, closes=False)
    secret = b"POST /V2/Events/ HTTP/1.1\r\nhost: x\r\n" + CHUNKED + b"\r\n" + CHUNKS[:-2] + KEYS + b"\r\n"
    yield Shape("chunks", "credentials as trailers", secret, 400, closes=False)
    yield shape("a request within the content", b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD))


def _heads() -> Iterator[Shape]:
    def shape(name: str, sent: Sent, status: int = 431, *, closes: bool = True) -> Shape:
        return Shape("head", name, sent, status, closes)

    start = b"POST /v2/events HTTP/1.1\r\nhost: x\r\n"
    yield shape("endless lines", endless(start, b"a: b\r\n"))
    yield shape("endless value", endless(start + b"a: ", b"b"))
    yield shape("endless name", endless(start, b"b"))
    yield shape("endless URL", endless(b"POST /v2/events?a=", b"b"), 414)
    yield shape("endless method", endless(b"", b"A"), 400)
    yield shape("endless line ends", endless(b"", b"\r\n"), 400)
    yield shape("101 headers", sized(*(b"a%d: b" % n for n in range(98))))
    yield shape("100 headers", sized(*(b"a%d: b" % n for n in range(96))), 202, closes=False)
    yield shape("too large", sized(b"a: " + b"b" * 33_000))
    yield shape("large", sized(b"a: " + b"b" * 32_000), 202, closes=False)
    yield shape("long URL", sized(line=b"POST /v2/events?" + b"a" * 8_192 + b" HTTP/1.1"), 414)
    yield shape("URL of 8,000", sized(line=b"POST /v2/events?" + b"a" * 7_984 + b" HTTP/1.1"), 202, closes=False)
    yield shape(
        "ten thousand parameters", sized(line=b"POST /v2/events?" + b"a&" * 4_000 + b" HTTP/1.1"), 202, closes=False
    )
    yield shape("line ends before it", b"\r\n\r\n" + GOOD, 202, closes=False)


def _bodies() -> Iterator[Shape]:
    def shape(name: str, sent: Sent, status: int = 400, *, closes: bool = True) -> Shape:
        return Shape("body", name, sent, status, closes)

    start = b"POST /v2/events HTTP/1.1\r\nhost: x\r\n"
    mine, theirs = start + KEYS, start
    for who, head in (("", mine), (" of a stranger", theirs)):
        chunk = head + CHUNKED + b"\r\n"
        yield shape("endless trailers" + who, endless(chunk + CHUNKS[:-2], b"a: b\r\n"))
        yield shape("endless trailer" + who, endless(chunk + CHUNKS[:-2] + b"a: ", b"b"))
        yield shape("endless extension" + who, endless(chunk + b"5;", b"b"))
        yield shape("endless zeros" + who, endless(chunk, b"0"))
        yield shape("endless chunks of a byte" + who, endless(chunk, b"1\r\n \r\n"))
        yield shape("endless extensions" + who, endless(chunk, b"1;aaaaaaaaaaaaaaaaa\r\n \r\n"))
    yield shape("endless", endless(mine + CHUNKED + b"\r\n", b"4000\r\n" + b" " * 0x4000 + b"\r\n"), 413)
    yield shape("endless of a stranger", endless(theirs + b"content-length: 999999999999\r\n\r\n", b" "))
    yield shape("trailers after much content", _trailers_after_content)
    yield shape("ends of heads as content", chunked(b"80000\r\n" + b"\r\n\r\n" * 0x20000 + b"\r\n0\r\n\r\n"))
    yield shape("deep", _with_length(b"[" * 200_000))
    yield shape("text behind it", GOOD + b"}", 202)
    yield shape("a good request behind no JSON", _with_length(b"{" * len(EVENT)) + GOOD)
    yield shape(
        "none asked for by GET", bare(b"host: x", LENGTH[:-2], line=b"GET /health HTTP/1.1"), 200, closes=False
    )
    yield shape("much for GET", _much_for_get, 200)


def _with_length(body: bytes) -> bytes:
    return post(b"content-length: %d" % len(body), body=body)


def _trailers_after_content() -> Iterator[bytes]:
    yield chunked(b"")
    yield from repeat(b"4000\r\n" + b" " * 0x4000 + b"\r\n", 256)
    yield b"0\r\n"
    yield from repeat(b"a: b\r\n" * 10_000)


def _much_for_get() -> Iterator[bytes]:
    yield bare(b"host: x", b"content-length: 9999999999", line=b"GET /health HTTP/1.1", body=b"")
    yield from repeat(b" " * PIECE)


SHAPES = tuple(shapes())


class Client:
    """One hostile connection."""

    def __init__(self, address: tuple[str, int], timeout_s: float = 20.0) -> None:
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, pieces: Iterator[bytes], most: int = MOST) -> int:
        """Until it ends, is answered, is hung up on, or there were `most` bytes of it; how many there were."""
        sent = 0
        try:
            for piece in pieces:
                if sent >= most or select.select([self.socket], [], [], 0)[0]:
                    break
                self.socket.sendall(piece)
                sent += len(piece)
        except OSError:
            pass  # hung up on, as it should be
        return sent

    def keep_sending(self, pieces: Iterator[bytes], most: int = MOST) -> int:
        """The same without listening."""
        sent = 0
        try:
            while sent < most:
                piece = next(pieces)
                self.socket.sendall(piece)
                sent += len(piece)
        except (OSError, StopIteration):
            pass
        return sent

    def answer(self) -> tuple[int | None, dict[str, str]]:
        """Status and headers of the next whole answer, None when the connection ends before."""
        try:
            line = self.file.readline()
            headers: dict[str, str] = {}
            while (field := self.file.readline().strip()) != b"":
                name, _, value = field.decode().partition(": ")
                headers[name.lower()] = value
            self.file.read(int(headers.get("content-length", 0)))
        except ConnectionError:
            return None, {}
        return (int(line.split()[1]) if line else None), headers

    def closed(self) -> bool:
        try:
            return self.file.read(1) == b""
        except ConnectionError:
            return True


def used(pid: int) -> tuple[int, float]:
    """(most resident bytes since `forget`, processor seconds) of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    high = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return high, (int(fields[11]) + int(fields[12])) / 100


def forget(pid: int) -> None:
    """The most resident bytes are what they are now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


PACE_S = 0.05
BITE = 1024
STAYS_S = 5.0


async def swarm(port: int, count: int) -> None:
    """So many connections at once, for ever: each sends a shape bit by bit, stays, and comes back as another."""

    async def one(number: int) -> None:
        mine = SHAPES[number % len(SHAPES) :] + SHAPES[: number % len(SHAPES)]
        while True:
            for shape in mine:
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(_about(STAYS_S)):
                        await _play(port, shape, number % 4)

    await asyncio.gather(*(one(number) for number in range(count)))


def _about(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311 - so that they do not march in step


async def _play(port: int, shape: Shape, manner: int) -> None:
    """Manners: silent; drips; listens; never listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if manner == 0:
            await asyncio.sleep(2 * STAYS_S)
        size = 1 if manner == 1 else BITE
        for piece in islice(shape.pieces(), 64):
            for at in range(0, min(len(piece), 64 * BITE), size):
                writer.write(piece[at : at + size])
                await writer.drain()
                await asyncio.sleep(_about(PACE_S))
        if manner == 3:
            await asyncio.sleep(2 * STAYS_S)
        await reader.read()
    finally:
        writer.transport.abort()


@contextmanager
def swarming(port: int, count: int) -> Iterator[None]:
    """The same in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, str(port), str(count)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(swarm(int(sys.argv[1]), int(sys.argv[2])))
