"""The condition of the whole."""

from __future__ import annotations

from typing import Annotated

import msgspec

from outrider.api.models.common import Date
from outrider.app.fields import described


class Node(msgspec.Struct, frozen=True):
    """A live process on this store."""

    Id: Annotated[str, described("Another one with every start.")]
    Host: str
    ProcessId: int
    Version: str
    Roles: Annotated[list[str], described("Some of intake, dispatch, housekeeping.")]
    StartedDate: Date
    SeenDate: Annotated[Date, described("Its last heartbeat.")]


class Turns(msgspec.Struct, frozen=True):
    """How long the event loop of the process that answers was busy without a break: processor time, in
    milliseconds. While it is, nobody else is served; more than 50 is logged with the functions that ran."""

    LongestMs: Annotated[float, described("Since it started.", minimum=0)]
    LongestLastMinuteMs: Annotated[float, described("In the last minute.", minimum=0)]
    P999Ms: Annotated[float, described("Less than this in 99.9 % of all moments.", minimum=0)]


class System(msgspec.Struct, frozen=True):
    """The processes that share the store, what is owed, and what an operator should know."""

    Store: Annotated[str, described("The kind of store.", enum=["sqlite", "postgresql"])]
    Owed: Annotated[int, described("The tenant's deliveries that have not ended.", minimum=0)]
    Quarantined: Annotated[
        int,
        described(
            "Those of them that Outrider fails to send through faults of its own: they wait to be sent by hand.",
            minimum=0,
        ),
    ]
    Nodes: list[Node]
    Turns: Turns
    Warnings: Annotated[list[str], described("A sentence each; empty when all is well.")]
