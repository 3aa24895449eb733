"""From a receiver's answer, or the lack of one, to an outcome with a reason a person understands."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from outrider.domain.breaker import Sign
from outrider.domain.delivery import Outcome
from outrider.ports.sender import Failure, Reply

_SLOW_DOWN = (429, 503)
_OVERLOADED = (408, 429)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What the attempt came to, and what it says of the receiver.

    `retry_after` in milliseconds, when the receiver asked for a pause.
    """

    outcome: Outcome
    reason: str
    sign: Sign
    retry_after: int | None = None


def judge(answer: Reply | Failure, now: int) -> Verdict:
    """2xx delivers, 410 ends and disables, everything else is a failure; redirects are not followed."""
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


def _retry_after(reply: Reply, now: int) -> int | None:
    """Milliseconds from `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3)."""
    text = next((value.strip() for name, value in reply.headers if name == "retry-after"), "")
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1000
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int((moment - datetime.fromtimestamp(now / 1000, UTC)).total_seconds() * 1000))
