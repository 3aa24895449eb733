"""The short way of the hot route beside uvicorn's: one connection, requests of every shape, answers in order."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from harness import API_KEY, API_SECRET, Served

pytestmark = pytest.mark.slow
EVENT = b'{"Event":"Login","Data":{"Uid":"u1"}}'
KEYS = f"x-loginradius-apikey: {API_KEY}\r\nx-loginradius-apisecret: {API_SECRET}\r\n"


def request(
    body: bytes = EVENT, *lines: str, path: str = "/v2/events", method: str = "POST", keys: str = KEYS
) -> bytes:
    length = "" if any("chunked" in line for line in lines) else f"content-length: {len(body)}\r\n"
    extra = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{keys}{length}{extra}\r\n".encode() + body


class Peer:
    """One connection; `answer` reads the next whole answer."""

    def __init__(self, served: Served) -> None:
        host, port = served.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, *parts: bytes, pause: float = 0.0) -> Peer:
        for part in parts:
            self.socket.sendall(part)
            time.sleep(pause)
        return self

    def answer(self, *, body: bool = True) -> tuple[int, dict[str, str], dict[str, object]]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        size = int(headers.get("content-length", 0)) if body else 0
        return status, headers, json.loads(self.file.read(size) or b"{}")

    def closed(self) -> bool:
        return self.file.read(1) == b""


@pytest.fixture
def peer(shared: Served) -> Iterator[Peer]:
    made = Peer(shared)
    yield made
    made.socket.close()


def test_requests_behind_each_other_are_answered_in_order(peer: Peer) -> None:
    listing = request(b"", path="/v2/manage/event-types", method="GET")
    spelled = request(EVENT, path="/V2/Events/")
    peer.send(request() + listing + request(b"[]") + spelled + request(b"{") + request())
    assert [peer.answer()[0] for _ in range(5)] == [202, 200, 400, 202, 400]
    assert peer.closed()  # what follows a body that is not JSON may be the rest of it


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_request_in_pieces(peer: Peer, size: int) -> None:
    whole = request()
    peer.send(*(whole[at : at + size] for at in range(0, len(whole), size)), pause=0.001)
    assert peer.answer()[0] == 202
    assert peer.send(request()).answer()[0] == 202


def test_a_chunked_body(peer: Peer) -> None:
    chunks = b"5\r\n" + EVENT[:5] + b"\r\n" + f"{len(EVENT) - 5:x}\r\n".encode() + EVENT[5:] + b"\r\n0\r\n\r\n"
    assert peer.send(request(chunks, "transfer-encoding: chunked")).answer()[0] == 202
    assert peer.send(request()).answer()[0] == 202


def test_an_interim_answer_when_asked_for(peer: Peer) -> None:
    whole = request(EVENT, "expect: 100-continue")
    peer.send(whole[: -len(EVENT)])
    assert peer.answer(body=False)[0] == 100
    assert peer.send(EVENT).answer()[0] == 202


def test_the_connection_closes_when_asked_to(peer: Peer) -> None:
    status, headers, _ = peer.send(request(EVENT, "connection: close")).answer()
    assert (status, headers["connection"]) == (202, "close")
    assert peer.closed()


def test_an_old_client(peer: Peer) -> None:
    assert peer.send(request().replace(b"HTTP/1.1", b"HTTP/1.0")).answer()[0] == 202
    assert peer.closed()


def test_refused_before_the_body_is_there(peer: Peer) -> None:
    whole = request(keys="")
    peer.send(whole[: -len(EVENT)])
    assert peer.answer()[2]["ErrorCode"] == 922
    assert peer.send(EVENT + request()).answer()[0] == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_another_method(peer: Peer, method: str) -> None:
    assert peer.send(request(method=method)).answer(body=method != "HEAD")[0] == 405
    assert peer.send(request()).answer()[0] == 202


def test_query_credentials_and_prevention(peer: Peer) -> None:
    query = f"?apikey={API_KEY}&apisecret={API_SECRET}"
    assert peer.send(request(path="/v2/events" + query, keys="")).answer()[0] == 202
    assert peer.send(request(path=f"/v2/events{query}&prevent_webhook=maybe", keys="")).answer()[0] == 400
    operation = b'{"Events":[' + EVENT + b"]}"
    status, headers, answer = peer.send(request(operation, path="/v2/operations")).answer()
    assert (status, headers["content-type"]) == (202, "application/json")
    assert len(answer["Data"]) == 1


def test_what_is_no_http(peer: Peer) -> None:
    assert peer.send(b"POST /v2/events HTTP/1.1\r\nhost : x\r\n\r\n").answer(body=False)[0] == 400
