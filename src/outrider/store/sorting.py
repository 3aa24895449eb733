"""Telling what of an acceptance is new, and what is a repeat: the same for every store."""

from __future__ import annotations

import msgspec

from outrider.domain.model import Acceptance, Delivery, Event, Skip
from outrider.ports.queue import IdTaken, Receipt

Known = dict[tuple[str, str], bytes]  # fingerprints of events by tenant and id


class Fresh(msgspec.Struct, frozen=True, gc=False):
    """What of an acceptance is to be stored. `at` is when it was accepted."""

    acceptance: Acceptance
    events: tuple[Event, ...]
    deliveries: tuple[Delivery, ...]
    skips: tuple[Skip, ...]
    repeats: frozenset[str]
    at: int

    def receipt(self, held: frozenset[str]) -> Receipt:
        """Once stored; `held` names all deliveries of the commit that are held."""
        if not held:
            return Receipt(self.repeats)
        return Receipt(self.repeats, frozenset([d.id for d in self.deliveries if d.id in held]))


def sort_out(acceptance: Acceptance, known: Known) -> Fresh | IdTaken:
    """The new part; `known` gains its events, so that a repeat within a commit is told as well."""
    tenant = acceptance.tenant
    fresh: dict[str, Event] = {}
    repeats: set[str] = set()
    for event in acceptance.events:
        twin = fresh.get(event.id)
        before = twin.fingerprint if twin is not None else known.get((tenant, event.id))
        if before is None:
            fresh[event.id] = event
        elif before != event.fingerprint:
            return IdTaken(event.id)
        elif twin is None:
            repeats.add(event.id)
    for event in fresh.values():
        known[tenant, event.id] = event.fingerprint
    at = acceptance.events[0].accepted if acceptance.events else 0
    if not repeats:
        return Fresh(acceptance, tuple(fresh.values()), acceptance.deliveries, acceptance.skips, frozenset(), at)
    return Fresh(
        acceptance,
        tuple(fresh.values()),
        tuple([d for d in acceptance.deliveries if d.event not in repeats]),
        tuple([s for s in acceptance.skips if s.event not in repeats]),
        frozenset(repeats),
        at,
    )
