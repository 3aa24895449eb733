"""A process of hostile receivers on loopback: `python -m egress.hostile <folder of certificates>` prints its ports.

Every shape is what one receiver does to one request, and what the sender has to make of it: the kind of failure, or
the status it goes by. `cut` is the status with a body that is cut.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

Play = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"
PAUSE_S = 0.02
LONG_S = 10.0


def says(*parts: bytes) -> Play:
    """Says this and hangs up."""

    def play(peer: socket.socket) -> None:
        for part in parts:
            peer.sendall(part)

    return play


def then_hangs(*parts: bytes) -> Play:
    def play(peer: socket.socket) -> None:
        says(*parts)(peer)
        peer.settimeout(LONG_S)
        while peer.recv(65536):
            pass

    return play


def drips(opening: bytes, drop: bytes) -> Play:
    """Says `opening`, then a little for ever."""

    def play(peer: socket.socket) -> None:
        peer.sendall(opening)
        while True:
            peer.sendall(drop)
            time.sleep(PAUSE_S)

    return play


def pours(opening: bytes, more: bytes) -> Play:
    """Says `opening`, then as much as goes through for ever."""
    flood = more * (65536 // len(more) + 1)

    def play(peer: socket.socket) -> None:
        peer.sendall(opening)
        while True:
            peer.sendall(flood)

    return play


def resets(*parts: bytes) -> Play:
    def play(peer: socket.socket) -> None:
        says(*parts)(peer)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError  # no goodbye

    return play


def byte_by_byte(answer: bytes) -> Play:
    """A TLS record for every byte."""
    return says(*(answer[i : i + 1] for i in range(len(answer))))


def cuts_tls(*parts: bytes) -> Play:
    """The connection ends without TLS' goodbye."""

    def play(peer: socket.socket) -> None:
        says(*parts)(peer)
        os.close(peer.detach())

    return play


def records(*parts: bytes) -> Play:
    """Bytes below TLS, as they are: for the listener that does not speak it."""
    return then_hangs(*parts)


def chunks(*sizes: int, extension: bytes = b"") -> bytes:
    return b"".join(b"%x%s\r\n%s\r\n" % (size, extension, b"x" * size) for size in sizes)


HANDSHAKE = b"\x16\x03\x03"
TLS = {
    "reset right after the handshake": (resets(), "reset"),
    "silent": (then_hangs(), "timeout"),
    "silent after the version": (then_hangs(b"HTTP/1.1"), "timeout"),
    "silent after the status": (then_hangs(OK), "timeout"),
    "silent in a header": (then_hangs(OK + b"x-a: b"), "timeout"),
    "silent after a header": (then_hangs(OK + b"x-a: b\r\n"), "timeout"),
    "silent before the last line": (then_hangs(OK + b"x-a: b\r\n\r"), "timeout"),
    "silent instead of a body": (then_hangs(OK + b"content-length: 5\r\n\r\n"), "timeout"),
    "silent in the body": (then_hangs(OK + b"content-length: 5\r\n\r\nab"), "timeout"),
    "silent instead of a chunk": (then_hangs(CHUNKED), "timeout"),
    "silent in a chunk's size": (then_hangs(CHUNKED + b"5"), "timeout"),
    "silent in a chunk": (then_hangs(CHUNKED + b"5\r\nab"), "timeout"),
    "silent after a chunk": (then_hangs(CHUNKED + chunks(5)), "timeout"),
    "silent in the last chunk": (then_hangs(CHUNKED + b"0\r\n"), "timeout"),
    "silent in a trailer": (then_hangs(CHUNKED + b"0\r\nx-a: b"), "timeout"),
    "silent after an interim answer": (then_hangs(b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout"),
    "silent, the end of the body unsaid": (then_hangs(OK + b"\r\nabc"), "timeout"),
    "drips a status": (drips(b"HTTP/1.1 200 ", b"K"), "timeout"),
    "drips empty lines": (drips(b"", b"\r\n"), "timeout"),
    "drips a header's name": (drips(OK, b"a"), "timeout"),
    "drips a header's value": (drips(OK + b"x-a: ", b"a"), "timeout"),
    "drips headers": (drips(OK, b"x-a: b\r\n"), "timeout"),
    "drips a body": (drips(OK + b"content-length: 100000\r\n\r\n", b"x"), "timeout"),
    "drips a body without end": (drips(OK + b"\r\n", b"x"), "timeout"),
    "drips chunks": (drips(CHUNKED, chunks(1)), "timeout"),
    "drips a chunk": (drips(CHUNKED + b"ffff\r\n", b"x"), "timeout"),
    "drips a chunk's size": (drips(CHUNKED, b"0"), "timeout"),
    "drips a chunk's extension": (drips(CHUNKED + b"5;a=", b"b"), "timeout"),
    "drips trailers": (drips(CHUNKED + b"0\r\n", b"x-a: b\r\n"), "timeout"),
    "drips a trailer": (drips(CHUNKED + b"0\r\nx-a: ", b"b"), "timeout"),
    "garbage": (says(b"\x00\xff garbage\r\n\r\n"), "protocol"),
    "HTTP/2": (says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\0" * 18), "protocol"),
    "HTTP/0.9": (says(b"<html>hello</html>"), "protocol"),
    "SSH": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol"),
    "SMTP": (says(b"220 mail ESMTP\r\n"), "protocol"),
    "a request": (says(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"), "protocol"),
    "version 9": (says(b"HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n"), "protocol"),
    "lower case": (says(b"http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), "protocol"),
    "no status": (says(b"HTTP/1.1 OK\r\n\r\n"), "protocol"),
    "a status of 4 digits": (says(b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n"), "protocol"),
    "a negative status": (says(b"HTTP/1.1 -200 OK\r\ncontent-length: 0\r\n\r\n"), "protocol"),
    "a negative length": (says(OK + b"content-length: -1\r\n\r\n"), "protocol"),
    "a length in hexadecimal": (says(OK + b"content-length: 0x5\r\n\r\nhello"), "protocol"),
    "a length beyond 64 bits": (says(OK + b"content-length: 99999999999999999999999\r\n\r\n"), "protocol"),
    "two lengths": (says(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"), "protocol"),
    "two lengths in one": (says(OK + b"content-length: 1, 2\r\n\r\nab"), "protocol"),
    "length and chunks": (
        says(OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), "protocol"),
    "a chunk's size no number": (says(CHUNKED + b"zz\r\n"), "protocol"),
    "a chunk's size negative": (says(CHUNKED + b"-5\r\nhello\r\n"), "protocol"),
    "a chunk's size beyond 64 bits": (says(CHUNKED + b"f" * 30 + b"\r\n"), "protocol"),
    "a chunk longer than its size": (says(CHUNKED + b"2\r\nhello\r\n0\r\n\r\n"), "protocol"),
    "NUL in a name": (says(OK + b"x-\0a: b\r\n\r\n"), "protocol"),
    "NUL in a value": (says(OK + b"x-a: \0\r\n\r\n"), "protocol"),
    "a header without colon": (says(OK + b"nonsense\r\n\r\n"), "protocol"),
    "a header without name": (says(OK + b": b\r\n\r\n"), "protocol"),
    "a space before the colon": (says(OK + b"content-length : 0\r\n\r\n"), "protocol"),
    "129 headers": (says(OK + b"x-a: b\r\n" * 129 + b"content-length: 0\r\n\r\n"), "protocol"),
    "many headers, then silence": (then_hangs(OK + b"a:\r\n" * 8000), "protocol"),
    "40 KB of headers": (says(OK + (b"x-a: " + b"b" * 1000 + b"\r\n") * 40 + b"\r\n"), "protocol"),
    "endless headers": (pours(OK, b"x-a: " + b"b" * 8000 + b"\r\n"), "protocol"),
    "endless empty headers": (pours(OK, b"a:\r\n"), "protocol"),
    "an endless name": (pours(OK, b"a"), "protocol"),
    "an endless value": (pours(OK + b"x-a: ", b"b"), "protocol"),
    "an endless value of spaces": (pours(OK + b"x-a: ", b" "), "protocol"),
    "an endless reason": (pours(b"HTTP/1.1 200 ", b"K"), "protocol"),
    "endless zeros in a length": (pours(OK + b"content-length: ", b"0"), "protocol"),
    "endless empty lines": (pours(b"", b"\r\n"), "protocol"),
    "an endless folded value": (pours(OK + b"x-a: b\r\n", b" c\r\n"), "protocol"),
    "endless interim answers": (pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "protocol"),
    "endless headers of an interim answer": (pours(b"HTTP/1.1 103 Early\r\n", b"link: x\r\n"), "protocol"),
    "17 interim answers": (says(b"HTTP/1.1 102 Processing\r\n\r\n" * 17 + EMPTY), "protocol"),
    "interim answers of 3 KB": (
        says(*[b"HTTP/1.1 103 E\r\nlink: " + b"x" * 3000 + b"\r\n\r\n"] * 15, EMPTY), "protocol"),
    "status 0": (then_hangs(b"HTTP/1.1 000 Nothing\r\ncontent-length: 0\r\n\r\n"), "timeout"),
    "an upgrade": (says(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), "protocol"),
    "an upgrade, then a flood": (
        pours(b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", b"\x81\x05hello"), "protocol"),
    "an endless body": (pours(OK + b"content-length: 999999999999\r\n\r\n", b"x"), "cut"),
    "an endless body, its end unsaid": (pours(OK + b"\r\n", b"x"), "cut"),
    "endless chunks": (pours(CHUNKED, chunks(16384)), "cut"),
    "endless chunks of a byte": (pours(CHUNKED, chunks(1)), "cut"),
    "one endless chunk": (pours(CHUNKED + b"ffffffffffffff\r\n", b"x"), "cut"),
    "a chunk of 4 GB and one more": (pours(CHUNKED + b"ffffffff\r\n", b"x"), "cut"),
    "an endless extension": (pours(CHUNKED + b"5;a=", b"b"), "cut"),
    "an endless quoted extension": (pours(CHUNKED + b'5;a="', b"b"), "cut"),
    "endless extensions": (pours(CHUNKED + b"5", b";a=b"), "cut"),
    "chunks of a byte with extensions of 4 KB": (pours(CHUNKED, chunks(1, extension=b";" + b"a" * 4096)), "cut"),
    "endless zeros in a chunk's size": (pours(CHUNKED, b"0"), "cut"),
    "endless trailers": (pours(CHUNKED + b"0\r\n", b"x-a: b\r\n"), "cut"),
    "endless empty trailers": (pours(CHUNKED + b"0\r\n", b"a:\r\n"), "cut"),
    "a trailer with an endless name": (pours(CHUNKED + b"0\r\n", b"a"), "cut"),
    "a trailer with an endless value": (pours(CHUNKED + b"0\r\nx-a: ", b"b"), "cut"),
    "a body, then endless trailers": (pours(CHUNKED + chunks(5) + b"0\r\n", b"x-a: b\r\n"), "cut"),
    "a bomb": (says(OK + b"content-encoding: gzip\r\ncontent-length: 9000\r\n\r\n" + b"\x1f\x8b" * 4500), "cut"),
    "headers and an endless error": (pours(b"HTTP/1.1 500 No\r\n\r\n", b"<html>"), "cut"),
    "no answer": (says(), "reset"),
    "ends in the version": (says(b"HTTP/1."), "reset"),
    "ends after the status": (says(OK), "reset"),
    "ends in a header": (says(OK + b"content-le"), "reset"),
    "ends after an interim answer": (says(b"HTTP/1.1 100 Continue\r\n\r\n"), "reset"),
    "a short body": (says(OK + b"content-length: 100\r\n\r\nabc"), "reset"),
    "ends in a chunk": (says(CHUNKED + b"5\r\nab"), "reset"),
    "ends before the last chunk": (says(CHUNKED + chunks(5)), "reset"),
    "ends in a trailer": (says(CHUNKED + b"0\r\nx-a: b"), "reset"),
    "reset in the headers": (resets(OK + b"x-a: b\r\n"), "reset"),
    "reset in the body": (resets(OK + b"content-length: 100\r\n\r\nabc"), "reset"),
    "cut below TLS, no answer": (cuts_tls(), "reset"),
    "cut below TLS in the body": (cuts_tls(OK + b"content-length: 100\r\n\r\nabc"), "reset"),
    "byte by byte": (byte_by_byte(OK + b"content-length: 5\r\n\r\nhello"), "200"),
    "4 KB of headers byte by byte": (
        byte_by_byte(OK + (b"x-a: " + b"b" * 1000 + b"\r\n") * 4 + b"content-length: 0\r\n\r\n"), "200"),
    "127 headers": (says(OK + b"x-a: b\r\n" * 127 + b"content-length: 0\r\n\r\n"), "200"),
    "16 interim answers": (says(b"HTTP/1.1 102 Processing\r\n\r\n" * 16 + EMPTY), "200"),
    "ends where it may": (says(OK + b"\r\nhello"), "200"),
    "a trailer that asks for a pause": (says(CHUNKED + b"0\r\nretry-after: 99999\r\n\r\n"), "200"),
    "two answers": (says(EMPTY + b"HTTP/1.1 500 Two\r\ncontent-length: 0\r\n\r\n"), "200"),
    "an answer, then a flood": (pours(EMPTY, b"x"), "200"),
    "an answer, then endless answers": (pours(EMPTY, EMPTY), "200"),
    "a body where none may be": (pours(b"HTTP/1.1 204 No Content\r\n\r\n", b"x"), "204"),
    "a length where none may be": (says(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"), "304"),
    "a redirect to itself": (says(b"HTTP/1.1 307 Again\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"), "307"),
    "a redirect to metadata": (
        says(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"), "302"),
    "status 999": (says(b"HTTP/1.1 999 Who Knows\r\ncontent-length: 0\r\n\r\n"), "999"),
    "a pause beyond all numbers": (
        says(b"HTTP/1.1 503 No\r\nretry-after: " + b"9" * 5000 + b"\r\ncontent-length: 0\r\n\r\n"), "503"),
    "latin-1 in a header": (says(OK + b"x-a: \xe4\xff\r\ncontent-length: 0\r\n\r\n"), "200"),
}  # fmt: skip
UNREAD = {  # the request is not read at all
    "reads nothing": (lambda _: time.sleep(LONG_S), "timeout"),
    "answers before it reads": (says(OK + b"content-length: 2\r\n\r\nok"), "200"),
    "reads nothing, answers and stays": (
        lambda peer: (peer.sendall(EMPTY), time.sleep(LONG_S)),
        ("200", "timeout"),
    ),
}
BELOW = {  # instead of TLS
    "nothing": (then_hangs(), "timeout"),
    "hangs up": (says(), "tls"),
    "resets": (resets(), ("tls", "connect")),
    "plain HTTP": (says(EMPTY), "tls"),
    "plain garbage": (says(b"\x00" * 100), "tls"),
    "an endless plain answer": (pours(OK, b"x-a: b\r\n"), "tls"),
    "an alert": (says(b"\x15\x03\x03\x00\x02\x02\x28"), "tls"),
    "endless warnings": (pours(b"", b"\x15\x03\x03\x00\x02\x01\x5a"), "tls"),
    "half a record's head": (records(HANDSHAKE), "timeout"),
    "a record that does not come": (records(HANDSHAKE + b"\x40\x00"), "timeout"),
    "a record too long": (records(HANDSHAKE + b"\xff\xff" + b"\x02" * 70000), "tls"),
    "a message of 16 MB": (pours(HANDSHAKE + b"\x40\x00\x02\xff\xff\xff", b"\x03"), "tls"),
    "a drip of zero-length records": (drips(b"", HANDSHAKE + b"\x00\x00"), ("tls", "timeout")),
    "drips a record": (drips(HANDSHAKE + b"\x02\x00\x02\x00\x01\xfc\x03\x03", b"\x01"), ("tls", "timeout")),
    "a hello that wants a hello": (says(HANDSHAKE + b"\x00\x04\x00\x00\x00\x00" * 9), "tls"),
}
SHOWN = {  # certificates
    "no-san": "certificate", "expired": "certificate", "other-name": "certificate", "self-signed": "certificate",
    "no-intermediate": "certificate", "giant": ("200", "tls"), "long-chain": "tls",
}  # fmt: skip
TICKETS = {"200 session tickets": (says(EMPTY), "200")}
OLD = {"TLS 1.1": (says(EMPTY), "tls")}
CLIENTS = {"wants a certificate of ours": (says(EMPTY), ("reset", "tls"))}


class Listener:
    """A receiver; the path of a request, where it is read, says which shape to play."""

    def __init__(
        self, shapes: dict[str, tuple[Play, object]], context: ssl.SSLContext | None, *, reads: bool
    ) -> None:
        self._plays = [play for play, _ in shapes.values()]
        self._context = context
        self._reads = reads
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            with peer:
                if self._context is not None:
                    peer.settimeout(LONG_S)
                    peer = self._context.wrap_socket(peer, server_side=True)
                with peer:
                    self._plays[self._asked(peer) if self._reads else 0](peer)
                    if isinstance(peer, ssl.SSLSocket) and peer.fileno() >= 0:
                        peer.settimeout(1.0)
                        peer.unwrap()
        except OSError:
            pass  # the sender hung up, as hostile peers deserve

    def _asked(self, peer: socket.socket) -> int:
        with peer.makefile("rb", buffering=0) as stream:
            shape = int(stream.readline().split(b" ")[1].rpartition(b"/")[2])
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            stream.read(length)
        return shape


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def shapes() -> list[tuple[str, str, int, object]]:
    """(name, listener, number for the path, what the sender has to make of it)."""
    found = [(name, "tls", number, kind) for number, (name, (_, kind)) in enumerate(TLS.items())]
    found += [(name, name, 0, kind) for name, (_, kind) in chain(UNREAD.items(), BELOW.items())]
    found += [(f"certificate: {name}", name, 0, kind) for name, kind in SHOWN.items()]
    rest = chain(TICKETS.items(), OLD.items(), CLIENTS.items())
    return [*found, *((name, name, 0, kind) for name, (_, kind) in rest)]


def serve(folder: Path) -> None:
    good = _context(folder / "good.pem")
    listeners = {"tls": Listener(TLS, good, reads=True)}
    listeners |= {name: Listener({name: shape}, good, reads=False) for name, shape in UNREAD.items()}
    listeners |= {name: Listener({name: shape}, None, reads=False) for name, shape in BELOW.items()}
    for name in SHOWN:
        listeners[name] = Listener({name: (says(EMPTY), "")}, _context(folder / f"{name}.pem"), reads=True)
    tickets, old, clients = (_context(folder / "good.pem") for _ in range(3))
    tickets.num_tickets = 200
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    clients.verify_mode = ssl.CERT_REQUIRED
    for shown, context in ((TICKETS, tickets), (OLD, old), (CLIENTS, clients)):
        listeners |= {name: Listener(shown, context, reads=True) for name in shown}
    print(json.dumps({name: listener.port for name, listener in listeners.items()}), flush=True)
    sys.stdin.read()  # until the test is over


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
