"""From a receiver's answer, or the lack of one, to an outcome with a reason a person understands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from outrider.domain.breaker import Sign
from outrider.domain.delivery import Outcome
from outrider.ports.sender import Failure, Reply

_SLOW_DOWN = (429, 503)
_OVERLOADED = (408, 429)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
LONGEST_DATE = 64  # characters; the forms of RFC 9110, section 5.6.7 have 33 at most


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What the attempt came to, and what it says of the receiver.

    `retry_after` in milliseconds, when the receiver asked for a pause.
    """

    outcome: Outcome
    reason: str
    sign: Sign
    retry_after: int | None = None


def judge(answer: Reply | Failure, now: int) -> Verdict:
    """2xx delivers, 410 ends and disables, everything else is a failure; redirects are not followed. Never raises,
    whatever the answer says. `now` is wall time, for a date in `Retry-After`."""
    if isinstance(answer, Failure):
        return Verdict(Outcome.FAILED, str(answer.kind), Sign.DOWN)
    reason = f"status {answer.status}"
    if 200 <= answer.status < 300:
        return Verdict(Outcome.DELIVERED, reason, Sign.WELL)
    if answer.status == 410:
        return Verdict(Outcome.GONE, reason, Sign.UNWILLING)
    if 300 <= answer.status < 400:
        return Verdict(Outcome.FAILED, f"{reason}, redirects are not followed", Sign.UNWILLING)
    wish = _retry_after(answer, now) if answer.status in _SLOW_DOWN else None
    down = answer.status >= 500 or answer.status in _OVERLOADED
    return Verdict(Outcome.FAILED, reason, Sign.DOWN if down else Sign.UNWILLING, wish)


def unreadable() -> Verdict:
    """Of an answer that came and that we failed to read: it was an attempt all the same."""
    return Verdict(Outcome.FAILED, "the answer could not be read", Sign.UNWILLING)


def _retry_after(reply: Reply, now: int) -> int | None:
    """Milliseconds from `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3); None for anything else,
    and for a date that is further off than can be told."""
    text = next((value.strip() for name, value in reply.headers if name == "retry-after"), "")
    if not text.isascii() or len(text) > LONGEST_DATE:
        return None
    if text.isdigit():
        return int(text) * 1000
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0, (moment - _EPOCH) // _MILLISECOND - now)
    except (ValueError, OverflowError, TypeError, IndexError):  # all that the parser raises, by version of Python
        return None
