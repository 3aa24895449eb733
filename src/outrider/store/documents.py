"""Rows that are documents: a damaged one is named by its table, not by what it held."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from outrider.domain.errors import StoreDamaged

T = TypeVar("T")


def read_document(document: bytes, kind: type[T], table: str) -> T:
    """Raises StoreDamaged."""
    try:
        return msgspec.msgpack.decode(document, type=kind)
    except msgspec.DecodeError as error:
        raise StoreDamaged(f"a row of table {table} cannot be read") from error
