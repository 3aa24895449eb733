"""The body every receiver gets: `{"HookName","HookId","Data","Time"}`, built once per event.

`Data` goes in as the producer's bytes. `ModifiedFields` is added to profile updates that named their
previous state. Source: LoginRadius' 2023 payload samples for the order of the fields.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from outrider.domain.clock import iso
from outrider.domain.json_numbers import number
from outrider.domain.secret_names import CONTRACT


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """The envelope's fields in wire order."""

    HookName: str
    HookId: str
    Data: msgspec.Raw
    Time: str
    ModifiedFields: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(float_hook=number).decode


def envelope(name: str, event: str, data: bytes, time: int, modified: tuple[str, ...] | None = None) -> bytes:
    """The exact bytes sent and signed. `data` is valid JSON, masked; `time` is when it happened."""
    return _encode(
        Envelope(
            HookName=name.lower(),
            HookId=event,
            Data=msgspec.Raw(data),
            Time=iso(time),
            ModifiedFields=msgspec.UNSET if modified is None else modified,
        )
    )


def decoded(body: bytes) -> Any:
    """A body or payload as Python objects. Numbers beyond 64 bits, which it may hold, become infinite."""
    try:
        return _decode(body)
    except msgspec.ValidationError:
        return json.loads(body, parse_int=_whole)


def _whole(digits: str) -> float:
    """Python converts no more than 4,300 digits to an integer."""
    return float(digits) if len(digits) > 4_000 else int(digits)


def modified_fields(previous: dict[str, Any], current: dict[str, Any]) -> tuple[str, ...]:
    """Names of top-level fields that differ, in the new profile's order, then those that vanished.

    A missing field equals null. What LoginRadius' contract masks is never compared, so it is never listed; that
    another masked field changed may be known.
    """
    names = dict.fromkeys((*current, *previous))
    return tuple(
        name
        for name in names
        if name.lower().replace("_", "") not in CONTRACT and previous.get(name) != current.get(name)
    )
