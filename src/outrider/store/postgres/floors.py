"""Where to start looking for due deliveries while dead rows cannot be cleared away.

An old snapshot, held by anybody on the server, keeps the index entries of every delivery already claimed; a look
from the start walks through all of them. So once looking has become slow, a webhook is looked at from the earliest
due instant seen last, and from the start only so often that this costs a twentieth of the time at most, yet every
ten seconds whatever it costs: what became free again is due earlier.
"""

from __future__ import annotations

import time

Key = tuple[str, str]  # tenant, webhook
SLOW_S = 0.02
SHARE = 20
LONGEST_S = 10.0


class Floors:
    def __init__(self) -> None:
        self._floors: dict[Key, int] = {}
        self._whole_look_at: dict[Key | None, float] = {}  # None: at all webhooks

    def floor(self, key: Key) -> int:
        """The least due instant to look at; 0 for all."""
        if time.monotonic() >= self._whole_look_at.get(key, 0.0):
            return 0
        return self._floors.get(key, 0)

    def all(self) -> dict[Key, int]:
        """The floors of all webhooks; none when it is time to look at everything."""
        if time.monotonic() >= self._whole_look_at.get(None, 0.0):
            return {}
        return self._floors

    def looked(self, key: Key | None, seconds: float, *, whole: bool, earliest: dict[Key, int]) -> None:
        """Note what a look took, and the earliest instant it found for each webhook."""
        if whole and seconds < SLOW_S:
            self._whole_look_at.pop(key, None)
            for each in [key] if key is not None else list(earliest):
                self._floors.pop(each, None)
            return
        if whole:
            self._whole_look_at[key] = time.monotonic() + min(SHARE * seconds, LONGEST_S)
        self._floors.update(earliest)
