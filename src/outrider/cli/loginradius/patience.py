"""Waiting as long as a 429 asks, within limits, and saying so."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import click

_UNSAID_S = 2.0  # a 429 without Retry-After


class Patience:
    """Waits of at most `most` seconds each and `total` together; longer ones end the command."""

    def __init__(
        self, say: Callable[[str], None], *, most: float = 60.0, total: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._say = say
        self._most = most
        self._left = total
        self._sleep = sleep

    def wait(self, who: str, retry_after: str | None) -> None:
        """Wait as `who` asked; raises ClickException when that is too long."""
        seconds = max(_seconds(retry_after), 0.1)
        if seconds > min(self._most, self._left):
            raise click.ClickException(f"{who} has too many calls (429); call again in {seconds:.0f} s")
        self._left -= seconds
        self._say(f"{who} has too many calls (429), waiting {seconds:g} s")
        self._sleep(seconds)


def _seconds(retry_after: str | None) -> float:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    if retry_after is None:
        return _UNSAID_S
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return (parsedate_to_datetime(retry_after).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return _UNSAID_S
