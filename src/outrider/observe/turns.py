"""How long the event loop is busy without a break: the longest turns, in processor time, and what ran in them.

A turn is one round of the loop: whatever became ready together. While it lasts nobody else is served. Loops have no
hook for it, so a timer beats on the loop and reads two clocks: how late it is, and how much processor time the
loop's thread used since the last beat. A turn was no longer than either, give or take one beat. Whoever waits for
another process on the machine is late without having computed, and is not counted.

A thread looks whether the beat goes on. When it does not, it takes down which functions run, and the log names them
if the turn turns out to have been long. Functions and lines only: no value of a variable is ever read.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import deque
from types import FrameType

from outrider.ports.system import TurnsSeen

log = logging.getLogger("outrider.turns")
LIMIT_S = 0.05
BEAT_S = 0.01
LOOK_S = 0.025  # two looks fall into every turn longer than the limit
WARN_EVERY_S = 10.0
MINUTE_S = 60.0
DEEPEST = 12  # functions named in a warning
_MS = 1000
_KEPT_MS = 1_000  # longer turns are counted as this long in the share of moments, and exactly as the longest


class TurnWatch:
    """Watches the loop that runs `start`, until `stop`. Costs 100 short callbacks a second."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._longest = 0.0
        self._minutes: deque[tuple[float, float]] = deque()  # (when, turn), turns falling: the first is the longest
        self._counts = [0] * (_KEPT_MS + 1)  # beats by the turn before them, in whole milliseconds
        self._beats = 0
        self._due = 0.0
        self._used = 0.0
        self._long = 0  # turns since the last warning
        self._warned = -WARN_EVERY_S
        self._stack: tuple[int, list[str]] = (0, [])  # what ran while that beat was awaited
        self._timer: asyncio.TimerHandle | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the running loop. Called in its thread."""
        loop = asyncio.get_running_loop()
        self._used = time.thread_time()
        self._due = loop.time() + BEAT_S
        self._timer = loop.call_at(self._due, self._beat, loop)
        watched = threading.get_ident()
        self._thread = threading.Thread(target=self._look, args=(watched,), name="turn-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def seen(self) -> TurnsSeen:
        """What was seen since `start`. In milliseconds of processor time, each at most one beat too long."""
        self._forget(time.monotonic())
        return TurnsSeen(
            longest_ms=round(self._longest * _MS, 1),
            longest_last_minute_ms=round(self._minutes[0][1] * _MS, 1) if self._minutes else 0.0,
            p999_ms=float(self._share(0.999)),
        )

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self._due
        used = time.thread_time()
        turn = min(used - self._used, late + BEAT_S) if late > 0.001 else 0.0
        self._used = used
        self._counts[min(_KEPT_MS, int(turn * _MS))] += 1
        if turn:
            self._note(turn)
        self._beats += 1
        self._due = loop.time() + BEAT_S
        self._timer = loop.call_at(self._due, self._beat, loop)

    def _note(self, turn: float) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, turn)
        while self._minutes and self._minutes[-1][1] <= turn:
            self._minutes.pop()
        self._minutes.append((now, turn))
        self._forget(now)
        if turn > self._limit_s:
            self._long += 1
            if now - self._warned >= WARN_EVERY_S:
                self._warn(turn, now)

    def _warn(self, turn: float, now: float) -> None:
        beat, stack = self._stack
        ran = " < ".join(stack) if beat == self._beats and stack else "unknown, it had ended"
        log.warning(
            "the event loop was busy for %d ms without a break (limit %d ms, %d times since the last warning); "
            "what ran: %s",
            turn * _MS,
            self._limit_s * _MS,
            self._long,
            ran,
        )
        self._warned, self._long = now, 0

    def _forget(self, now: float) -> None:
        while self._minutes and self._minutes[0][0] < now - MINUTE_S:
            self._minutes.popleft()

    def _share(self, share: float) -> int:
        """The turn, in ms, that this share of all beats did not exceed."""
        left = sum(self._counts) * (1 - share)
        for milliseconds in range(_KEPT_MS, -1, -1):
            left -= self._counts[milliseconds]
            if left < 0:
                return milliseconds + 1 if milliseconds else 0
        return 0

    def _look(self, watched: int) -> None:
        before = -1
        while not self._ended.wait(LOOK_S):
            beat = self._beats
            if beat == before and self._stack[0] != beat:
                frame = sys._current_frames().get(watched)  # noqa: SLF001 - the only way to another thread's stack
                if frame is not None:
                    self._stack = (beat, _named(frame))
            before = beat


def _named(frame: FrameType | None) -> list[str]:
    """The functions that run, innermost first."""
    found: list[str] = []
    while frame is not None and len(found) < DEEPEST:
        code = frame.f_code
        file = "/".join(code.co_filename.replace("\\", "/").rsplit("/", 2)[-2:])
        found.append(f"{code.co_qualname} ({file}:{frame.f_lineno})")
        frame = frame.f_back
    return found
