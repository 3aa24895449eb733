"""Moving a store: everything it holds is copied to another one, and both are compared."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import msgspec

from outrider.domain.errors import ConfigError
from outrider.ports.contents import Contents, Copy, Progress, Row, Stretch, Table

Told = Callable[[Table, int, int], None]  # a table, how many of its rows, of how many
_DIGEST_BYTES = 32


class Digest(msgspec.Struct, frozen=True):
    """Rows and their hash, whatever order they come in: the sum of the BLAKE2b digests of their MessagePack forms,
    modulo 2^256. A row that is there twice counts twice, which with XOR it would not."""

    rows: int
    hash: str


class Comparison(msgspec.Struct, frozen=True):
    """What two stores hold of a table."""

    table: Table
    source: Digest
    target: Digest

    @property
    def identical(self) -> bool:
        return self.source == self.target


class Compared(msgspec.Struct, frozen=True):
    """Two stores, side by side, each with the last place it gave to a ledger line."""

    tables: tuple[Comparison, ...]
    source_line: int
    target_line: int

    @property
    def places_hold(self) -> bool:
        """Whether the target gives out no place a second time; one that was given and not used means nothing."""
        return self.target_line >= self.source_line

    @property
    def identical(self) -> bool:
        return self.places_hold and all(table.identical for table in self.tables)


async def copy(source: Contents, target: Copy, *, copied: Told, compared: Callable[[Comparison], None]) -> Compared:
    """Copy what the target does not have yet, then compare everything; only an identical copy is whole.

    Raises ConfigError when this copy cannot be made, or when the source changed meanwhile.
    """
    if running := await source.running_jobs():
        raise ConfigError(
            "source", "a store whose jobs have ended: cancel them, or let them end", f"{running} running"
        )
    if not target.keeps_turns and (displaced := await source.out_of_turn()):
        expected = "deliveries whose order is that of their ids, the only one SQLite keeps"
        raise ConfigError("source", expected, f"{displaced} that wait in another order; let them arrive first")
    mark = await source.mark()
    progress = await target.begin(mark)
    for table in Table:
        if not progress[table].done:
            await _copy_table(source, target, table, progress[table], copied)
    await target.set_last_line(await source.last_line())
    found = await compare(source, target, compared)
    if await source.mark() != mark:
        raise ConfigError("source", "a store nobody changes while it is copied", "one that changed")
    if found.identical:
        await target.finish()
    return found


async def compare(source: Contents, target: Contents, compared: Callable[[Comparison], None]) -> Compared:
    """Count and hash every table of both."""
    tables = []
    for table in Table:
        one, other = await asyncio.gather(_digest(source, table), _digest(target, table))
        tables.append(Comparison(table, one, other))
        compared(tables[-1])
    return Compared(tuple(tables), await source.last_line(), await target.last_line())


async def _copy_table(source: Contents, target: Copy, table: Table, progress: Progress, copied: Told) -> None:
    total = await source.count(table)

    async def take(stretch: Stretch) -> None:
        nonlocal progress
        further = Progress(progress.rows + len(stretch.rows), stretch.after)
        await target.write(table, stretch.rows, progress, further)
        progress = further
        copied(table, progress.rows, total)

    await source.read(table, progress.after, take)
    await target.write(table, [], progress, msgspec.structs.replace(progress, done=True))


async def _digest(contents: Contents, table: Table) -> Digest:
    rows, total = 0, 0

    async def take(stretch: Stretch) -> None:
        nonlocal rows, total
        rows += len(stretch.rows)
        total += _sum(stretch.rows)

    await contents.read(table, None, take)
    return Digest(rows, f"{total % (1 << 8 * _DIGEST_BYTES):0{2 * _DIGEST_BYTES}x}")


def _sum(rows: list[Row]) -> int:
    encode = msgspec.msgpack.encode
    digests = (hashlib.blake2b(encode(row), digest_size=_DIGEST_BYTES).digest() for row in rows)
    return sum(int.from_bytes(digest) for digest in digests)
