"""Large arrays are taken apart without being built: every element, no more than asked for, in linear time."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.api import arrays, splitting
from outrider.api.splitting import NotClosed, TooDeep, TooLong, TooMany, split
from outrider.domain.errors import CallerError

PAYLOAD = 256 * 1024
LARGE = 4_000_000
TRICKY = st.sampled_from(["", "a,b", 'q"\\', "[}{]", "\\" * 7, "é" * 9, "x" * 30])
SCALARS = st.none() | st.booleans() | st.integers() | TRICKY
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TRICKY, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(params=[7, splitting.WINDOW])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "WINDOW", request.param)


def texts(values: list[Any], *, indent: int | None, ascii_only: bool) -> bytes:
    return json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode()


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans(), st.data())
def test_the_elements_are_those_of_the_array(
    values: list[Any], indent: int | None, ascii_only: bool, data: st.DataObject
) -> None:
    text = texts(values, indent=indent, ascii_only=ascii_only)
    window, splitting.WINDOW = splitting.WINDOW, data.draw(st.sampled_from([3, 7, 1 << 18]))
    try:
        found, end = split(memoryview(text), 0, 10, 10_000)
        assert [json.loads(bytes(element)) for element in found] == values
        assert end == len(text)
        with pytest.raises(NotClosed):
            split(memoryview(text[: data.draw(st.integers(1, len(text) - 1))]), 0, 10, 10_000)
    finally:
        splitting.WINDOW = window


@pytest.mark.usefixtures("window")
def test_what_is_too_much_is_told_where_it_is() -> None:
    assert split(memoryview(b"[1,2,3]"), 0, 3, 10) == ([b"1", b"2", b"3"], 7)
    assert split(memoryview(b"[ ]x"), 0, 3, 10) == ([], 3)
    with pytest.raises(TooMany):
        split(memoryview(b"[1,2,3,4]"), 0, 3, 10)
    with pytest.raises(TooLong) as caught:
        split(memoryview(b'["a","' + b"b" * 20 + b'"]'), 0, 3, 10)
    assert caught.value.args == (1,)
    with pytest.raises(TooDeep):
        split(memoryview(b"[" * 1_000), 0, 3, 10_000)
    for text in (b"{}", b"[1}", b'["]', b'["\\', b"[1,"):
        with pytest.raises(NotClosed):
            split(memoryview(text), 0, 3, 10)


MANY = {
    "empty objects": b"{},",
    "numbers": b"0,",
    "strings": b'"",',
    "brackets": b"[[]],",
    "spaces": b"    ,",
    "events": b'{"event":"Login","data":{}},',
}


@pytest.mark.parametrize("operation", [False, True])
@pytest.mark.parametrize("element", MANY.values(), ids=MANY)
def test_too_many_events_are_refused_before_they_are_built(element: bytes, operation: bool) -> None:
    body = b"[" + element * (LARGE // len(element)) + element[:-1] + b"]"
    if operation:
        body = b'{"Bulk":true,"eve_nts":' + body + b"}"
    tracemalloc.start()
    started = time.thread_time()
    try:
        with pytest.raises(CallerError) as caught:
            arrays.operation(body, PAYLOAD) if operation else arrays.events(body, PAYLOAD)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert time.thread_time() - started < 1  # 9 s of it once, and 880 MB, for four times as much
    assert (caught.value.code, caught.value.field) == (1090, "Events" if operation else "body")


FAULTY = [
    (b'[{"Event":"Login","Data":{}},5]', 7900, "[1]"),
    (b'[{"event":"Login","data":{}},{"Event":7,"Data":{}}]', 7900, "[1].Event"),
    (b'[{"Event":"Login","Data":{},"data":1}]', 7900, "[0].Data"),
    (b'[{"Event":"Login","Data":{},"Extra":1}]', 7900, "[0].Extra"),
    (b'[{"Event":"Login"}]', 7900, "[0].Data"),
    (b'[{"Event":"Login","Data":{}},]', 965, "body"),
    (b'[{"Event":"Login","Data":{}}]x', 965, "body"),
    (b'[{"Event":"Login","Data":{}}', 965, "body"),
]


@pytest.mark.parametrize("size", [0, arrays.LARGE])
@pytest.mark.parametrize(("body", "code", "field"), FAULTY, ids=lambda part: str(part)[:40])
def test_a_large_body_is_refused_as_a_small_one_is(body: bytes, code: int, field: str, size: int) -> None:
    with pytest.raises(CallerError) as caught:
        arrays.events(b" " * size + body, PAYLOAD)
    assert (caught.value.code, caught.value.field) == (code, field)
    if body[-1:] in (b"]", b"x"):
        with pytest.raises(CallerError) as caught:
            arrays.operation(b" " * size + b'{"EVENTS":' + body + b"}", PAYLOAD)
        assert (caught.value.code, caught.value.field) == (code, field.replace("[", "Events[", 1))


OPERATIONS = [
    (b"{}", 7900, "Events"),
    (b"[]", 7900, "body"),
    (b'{"Bulk":true}', 7900, "Events"),
    (b'{"Events":null}', 7900, "Events"),
    (b'{"Events":[],"events":[]}', 7900, "Events"),
    (b'{"Events":[{"Event":"Login","Data":{}}],"Bulk":"x"}', 7900, "Bulk"),
    (b'{"Events":[{"Event":"Login","Data":{}}],"Extra":1}', 7900, "Extra"),
    (b'{"Events":[{"Event":"Login","Data":{}}],}', 965, "body"),
    (b'{"Events":[{"Event":"Login","Data":{}}],"Bulk":tru}', 965, "body"),
    (b'{"Events":[{"Event":"Login","Data":{}}]', 965, "body"),
]


@pytest.mark.parametrize("size", [0, arrays.LARGE])
@pytest.mark.parametrize(("body", "code", "field"), OPERATIONS, ids=lambda part: str(part)[:40])
def test_operations_large_and_small(body: bytes, code: int, field: str, size: int) -> None:
    with pytest.raises(CallerError) as caught:
        arrays.operation(b" " * size + body, PAYLOAD)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize("size", [0, arrays.LARGE])
def test_payloads_stay_the_producers_bytes(size: int) -> None:
    payload = b'{"a" : 1e5, "b":[ null ],"a":"\\u0041"}'
    one = b'{"event": "Login" ,"DATA": ' + payload + b"}"
    body = b'{"bulk":true, "Events" : [' + one + b" ,\n" + one + b"] }" + b" " * size
    found = arrays.operation(body, PAYLOAD)
    assert found.Bulk
    assert [bytes(event.Data) for event in found.Events] == [payload, payload]
    assert [bytes(event.Data) for event in arrays.events(b"[" + one + b"]" + b" " * size, PAYLOAD)] == [payload]


def test_an_event_that_is_too_large_is_told() -> None:
    large = b'{"Event":"Login","Data":{"a":"' + b"x" * (2 * PAYLOAD + 20_000) + b'"}}'
    with pytest.raises(CallerError) as caught:
        arrays.events(b'[{"Event":"Login","Data":{}},' + large + b"]", PAYLOAD)
    assert (caught.value.status, caught.value.field) == (413, "[1]")


def test_the_quick_way_and_the_careful_one_agree() -> None:
    body = msgspec.json.encode([{"Event": "Login", "Data": {"Uid": f"u{n}"}, "Subject": "s"} for n in range(1_000)])
    assert len(body) < arrays.LARGE
    assert arrays.events(body, PAYLOAD) == arrays.events(body + b" " * arrays.LARGE, PAYLOAD)
