"""Steady time among nodes: they agree by the database's clock, and keep their own when that is set.

Each node's steady time runs by its own machine. With every heartbeat it follows what the store's anchor and the
database's clock make of it, which is a matter of milliseconds. When the two differ by more than JUMP, the
database's clock was set, or this node was stopped in a way its own clock does not know of. The first node to see
that moves the anchor to its own steady time, and the others follow: they agree with it if the clock was set, and if
not, then nothing is lost but the seconds the node was stopped, because whoever is silent for longer is given up.
"""

from __future__ import annotations

import logging

from outrider.domain.clock import JUMP, SECOND, Anchor
from outrider.ports.clock import Clock

log = logging.getLogger("outrider.store")
KEPT_EVERY = 10 * SECOND  # of the database's clock: how old an anchor may be, should all nodes end


class SteadyTime:
    """Sets the steady time of this node's `clock`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: Anchor | None = None  # as of the last beat

    def follow(self, kept: Anchor | None, wall: int, *, asked: int, given_up: bool) -> tuple[Anchor | None, bool]:
        """The anchor to store instead of `kept`, None when that will do, and whether the database's clock was set
        since the last beat. Once it is stored, call `kept`.

        `wall` is what that clock said between `asked`, of steady time, and now. A node that was `given_up` takes
        the store's time, because the others have gone on without it.
        """
        theirs = self._theirs(kept, wall)
        mine = self._clock.steady()
        ahead = max(0, theirs - mine) or min(0, theirs - asked)
        is_moved = self._kept is not None and kept is not None and abs(self._kept.jump(kept)) > JUMP
        if self._kept is not None and abs(ahead) > JUMP and not is_moved and not given_up:
            log.warning(
                "the database's clock was set by %+.1f s; retries keep their waits, but see that it is right",
                ahead / 1000,
            )
            return Anchor(mine, wall), True
        self._clock.set_steady(mine + ahead)
        if kept is None or not 0 <= wall - kept.wall < KEPT_EVERY:
            return Anchor(theirs, wall), is_moved
        self._kept = kept
        return None, is_moved

    def kept(self, anchor: Anchor) -> None:
        """The store has the anchor that `follow` returned."""
        self._kept = anchor

    def _theirs(self, kept: Anchor | None, wall: int) -> int:
        if kept is None:
            return wall
        # Only who was there can tell how far the clock was set back since.
        return kept.at(wall) if self._kept is None else kept.steady + wall - kept.wall
