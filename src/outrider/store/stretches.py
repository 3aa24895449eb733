"""Reading tables in stretches, for every store: in the order of their keys, bounded in number and bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from outrider.ports.contents import COLUMNS, Key, Row, Stretch, Table

ROWS = 5_000
BYTES = 4 * 1024 * 1024

# Events have none that is the same in every store.
_KEYS: dict[Table, tuple[str, ...]] = {
    Table.DATA_KEY: ("number",),
    Table.TENANT: ("id",),
    Table.WEBHOOK: ("tenant", "id"),
    Table.WEBHOOK_PAST: ("tenant", "webhook", "version"),
    Table.SECRET: ("tenant", "id"),
    Table.API_KEY: ("tenant", "id"),
    Table.LEDGER: ("place",),
    Table.QUEUE: ("id",),
    Table.HEALTH: ("tenant", "webhook"),
    Table.JOB: ("tenant", "id"),
    Table.CUSTOM_OBJECT: ("tenant", "uid", "name", "id"),
}
_NUMBERS = {"number", "version", "accepted", "place"}
_decode_key = msgspec.json.Decoder(tuple[str | int, ...]).decode


class Stretches:
    """Gathers the rows of a table, read in the order of its key; `key` names other columns than usual, which the
    store appends to the row."""

    def __init__(self, table: Table, key: tuple[str, ...] | None = None) -> None:
        columns = COLUMNS[table]
        self._width = len(columns)
        self._key = key or _KEYS[table]
        self._at = [(*columns, *(key or ())).index(name) for name in self._key]
        self._rows: list[Row] = []
        self._bytes = 0
        self._last: Any = ()

    def before_all(self) -> Key:
        """A key below every one there is."""
        return tuple(-1 if name in _NUMBERS else "" for name in self._key)

    def wanted(self, most: int) -> int:
        """How many rows to fetch at once, so that those of a stretch are in memory and hardly more."""
        mean = self._bytes // len(self._rows) + 1 if self._rows else BYTES // 16
        return max(1, min(most, ROWS - len(self._rows), (BYTES - self._bytes) // mean))

    def add(self, row: tuple[Any, ...]) -> Stretch | None:
        """The stretch that this row fills."""
        self._last = row
        self._rows.append(row if len(row) == self._width else row[: self._width])
        self._bytes += sum(len(value) for value in row if isinstance(value, (bytes, str)))
        return self.rest() if len(self._rows) == ROWS or self._bytes >= BYTES else None

    def rest(self) -> Stretch | None:
        """What has been gathered since the last one."""
        if not self._rows:
            return None
        rows, self._rows, self._bytes = self._rows, [], 0
        return Stretch(rows, tuple(self._last[at] for at in self._at))


def encode_key(key: Key | None) -> str | None:
    return None if key is None else msgspec.json.encode(key).decode()


def decode_key(text: str | None) -> Key | None:
    return None if text is None else _decode_key(text)
