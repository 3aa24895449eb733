"""Which webhooks an event is owed to: a pure function of the event and the tenant's configuration.

Matching may take long, by what the tenant's filters ask and how large the event is. How long at most is known
before, so whoever calls from the event loop takes what is heavy elsewhere, a portion at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from outrider.domain.envelope import decoded
from outrider.domain.filters import DEAREST, Filter, compile_filter
from outrider.domain.json_numbers import number
from outrider.domain.model import Delivery, Event, Ordering, Webhook

STRICT_KEY = ""  # no subject is empty
STRAIGHT = 10_000_000  # ns of matching, at most, that are not worth a way to another thread
TURN = 100_000_000  # ns of matching, at most, before whoever else waits has a turn; one filter may take longer
UNKNOWN = 5_000_000  # ns to compile a filter, at most
_SMALL = 64 * 1024  # bytes of a body whose decoding needs no thought
# What a compiled filter may take in memory. A condition takes less, but is 13 objects that a full garbage
# collection looks at: with those kept it takes 40 ms.
_CONDITION_BYTES, _PATTERN_BYTES, _TEXT_TIMES = 10_000, 50_000, 4
_KEPT_BYTES = 100_000_000


class Verdicts:
    """What the filters of webhooks say of one event: each filter is asked once, the envelope decoded once.

    `learn` asks some of them; it may run in another thread as long as nothing else uses the object meanwhile.
    """

    def __init__(self, event: Event) -> None:
        self._event = event
        self._envelope: Any = None
        self._passes: dict[str | None, bool] = {None: True}

    def passes(self, text: str | None) -> bool:
        """Whether the event passes this filter; none lets everything pass."""
        known = self._passes.get(text)
        return self.learn([text]) if known is None else known

    def learn(self, texts: Iterable[str | None]) -> bool:
        """Ask these filters; whether the event passes the last one."""
        passed = True
        for text in texts:
            if text is not None and text not in self._passes:
                if self._envelope is None:
                    self._envelope = decoded(self._event.body)
                self._passes[text] = filter_of(text).matches(self._envelope)
            passed = self._passes[text]
        return passed

    def heavy(self, texts: Iterable[str | None]) -> list[list[str]]:
        """The filters to be asked elsewhere than on the loop, in portions of at most TURN; none when all together
        take next to no time."""
        size = len(self._event.body)
        found: list[list[str]] = []
        together, left = 0, 0
        for text in dict.fromkeys(texts):
            if text is None or text in self._passes:
                continue
            cost = _compiled.cost(text, size)
            together += cost
            left -= cost
            if left < 0:
                found.append([])
                left = TURN - cost
            found[-1].append(text)
        return found if together > STRAIGHT or (found and size > _SMALL) else []


def portions(text: str | None, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Events to match against one filter, in portions of at most TURN; an event may take longer by itself."""
    compiled = None if text is None else filter_of(text)
    start, left = 0, TURN
    for index, event in enumerate(events):
        cost = 0 if compiled is None else compiled.cost(len(event.body))
        left -= cost
        if left < 0 and index > start:
            yield events[start:index]
            start, left = index, TURN - cost
    yield events[start:]


def fan_out(
    event: Event, webhooks: Iterable[Webhook], new_id: Callable[[], str], verdicts: Verdicts | None = None
) -> list[Delivery]:
    """One delivery for each of the `webhooks`, subscribed to the event's type, whose filter it passes.

    Disabled webhooks included: they keep their backlog, so they are owed their events all the same.
    """
    owed: list[Delivery] = []
    for webhook in webhooks:
        if webhook.filter is not None:
            verdicts = verdicts or Verdicts(event)
            if not verdicts.passes(webhook.filter):
                continue
        owed.append(owe(event, webhook, new_id()))
    return owed


def owe(event: Event, webhook: Webhook, delivery: str) -> Delivery:
    """A delivery of `event` to `webhook` on which nothing has been tried yet."""
    return Delivery(
        id=delivery,
        tenant=event.tenant,
        webhook=webhook.id,
        event=event.id,
        event_type=event.type,
        subject=event.subject,
        body=event.body,
        attempts=0,
        created=event.accepted,
        order_key=_order_key(event, webhook.ordering),
    )


def owe_again(event: Event, webhook: str, delivery: str, now: int, origin: str) -> Delivery:
    """A further delivery of a past event, made by the resend or job `origin`; it waits for no other."""
    return Delivery(
        id=delivery,
        tenant=event.tenant,
        webhook=webhook,
        event=event.id,
        event_type=event.type,
        subject=event.subject,
        body=event.body,
        attempts=0,
        created=now,
        origin=origin,
    )


def passing_of(text: str | None, events: Iterable[Event]) -> list[Event]:
    """The events whose envelopes pass a filter; none lets everything pass."""
    if text is None:
        return list(events)
    compiled = filter_of(text)
    return [event for event in events if compiled.matches(decoded(event.body))]


class _Compiled:
    """Filters, each compiled once, those that were compiled last; what they may take in memory is bounded. May be
    used by several threads."""

    def __init__(self) -> None:
        self._filters: dict[str, tuple[Filter, int]] = {}
        self._bytes = 0
        self._changing = threading.Lock()

    def get(self, text: str) -> Filter:
        found = self._filters.get(text)
        if found is not None:
            return found[0]
        compiled = compile_filter(_decode(text))
        size = len(text) * _TEXT_TIMES + compiled.conditions * _CONDITION_BYTES + compiled.patterns * _PATTERN_BYTES
        with self._changing:
            if text not in self._filters:
                self._bytes += size
                self._filters[text] = (compiled, size)
            while self._bytes > _KEPT_BYTES:
                self._bytes -= self._filters.pop(next(iter(self._filters)))[1]
        return compiled

    def cost(self, text: str, size: int) -> int:
        """The longest that it may take, in ns, to match a payload of `size` bytes; much for one not compiled
        yet."""
        found = self._filters.get(text)
        return UNKNOWN + size * DEAREST if found is None else found[0].cost(size)


_decode = msgspec.json.Decoder(float_hook=number).decode
_compiled = _Compiled()


def filter_of(text: str) -> Filter:
    """The filter of a webhook, compiled once. Raises FilterError. May be called in any thread."""
    return _compiled.get(text)


def _order_key(event: Event, ordering: Ordering) -> str | None:
    if ordering is Ordering.NONE:
        return None
    return STRICT_KEY if ordering is Ordering.STRICT else event.subject
