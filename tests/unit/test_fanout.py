"""Fan-out with filters: each asked once, and how long it may take known before."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from outrider.domain import fanout
from outrider.domain.fanout import STRAIGHT, TURN, Verdicts, fan_out, filter_of, passing_of, portions
from outrider.domain.model import Event, Webhook

PASSES, FAILS = '{"Data.A":1}', '{"Data.A":2}'


def event(size: int = 0) -> Event:
    body = json.dumps({"HookName": "login", "Data": {"A": 1, "B": "x" * size}}).encode()
    return Event("e1", "t", "Login", None, None, 1, 1, body, b"")


def webhooks(*filters: str | None) -> list[Webhook]:
    return [
        Webhook(f"w{n}", "t", "", ("Login",), "https://a/", "", None, None, None, 0, 0, filter=text)
        for n, text in enumerate(filters)
    ]


def owed(*filters: str | None, verdicts: Verdicts | None = None) -> list[str]:
    ids = count()
    return [d.webhook for d in fan_out(event(), webhooks(*filters), lambda: f"d{next(ids)}", verdicts)]


def test_those_whose_filters_it_passes() -> None:
    assert owed(None, PASSES, FAILS, None, PASSES) == ["w0", "w1", "w3", "w4"]


def test_a_filter_is_asked_once_and_the_envelope_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    whole = fanout.filter_of
    monkeypatch.setattr(fanout, "filter_of", lambda text: asked.append(text) or whole(text))
    decodes: list[bytes] = []
    decoded = fanout.decoded
    monkeypatch.setattr(fanout, "decoded", lambda body: decodes.append(body) or decoded(body))
    assert len(owed(*[PASSES, FAILS] * 50)) == 50
    assert asked == [PASSES, FAILS]
    assert len(decodes) == 1


def dear(number: int) -> str:
    return json.dumps({"Data.B": {"$and": [{"$not": {"$gt": f"y{number}{n}"}} for n in range(100)]}})


def test_what_is_light_is_asked_at_once() -> None:
    filter_of(PASSES)
    assert Verdicts(event()).heavy([PASSES, None, PASSES]) == []


def test_what_is_heavy_comes_in_portions() -> None:
    large = event(60_000)
    texts = [dear(number) for number in range(9)]
    assert filter_of(texts[0]).cost(len(large.body)) > STRAIGHT
    for text in texts:
        filter_of(text)
    verdicts = Verdicts(large)
    found = verdicts.heavy([None, *texts, *texts, PASSES])
    assert [text for portion in found for text in portion] == [*texts, PASSES]
    assert len(found) == 10  # each but the last takes longer than a turn
    for portion in found:
        verdicts.learn(portion)
    assert verdicts.heavy(texts) == []
    assert [verdicts.passes(text) for text in (*texts, PASSES, None)] == [True] * 11


def test_a_filter_that_is_not_compiled_yet_is_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_compiled", fanout._Compiled())
    many = [json.dumps({"Data.A": number}) for number in range(20)]
    assert sum(map(len, Verdicts(event()).heavy(many))) == 20
    for text in many:
        filter_of(text)
    assert Verdicts(event()).heavy(many) == []


@pytest.mark.parametrize("text", [None, PASSES, dear(1)])
def test_portions_of_events_are_all_of_them(text: str | None) -> None:
    events = [event(size) for size in (0, 200_000, 10, 50_000, 50_000, 0)]
    found = list(portions(text, events))
    assert [each for portion in found for each in portion] == events
    assert all(found)
    assert [each for portion in found for each in passing_of(text, portion)] == events
    for portion in found:
        cost = sum(0 if text is None else filter_of(text).cost(len(each.body)) for each in portion)
        assert len(portion) == 1 or cost <= TURN
    assert list(portions(text, [])) == [[]]


def test_compiled_filters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_KEPT_BYTES", 100_000)
    kept: Any = fanout._Compiled()
    for number in range(500):
        kept.get(json.dumps({"Data.A": number}))
    assert 0 < kept._bytes <= 100_000
    assert kept._bytes == sum(size for _, size in kept._filters.values())
    assert json.dumps({"Data.A": 499}) in kept._filters
