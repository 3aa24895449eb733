"""`outrider store`: moving a store, comparing two, backing one up."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from outrider import wiring
from outrider.app.copying import Compared, Comparison, compare, copy
from outrider.config import Config, read_config, read_copy
from outrider.domain.errors import ConfigError, StoreUnavailable
from outrider.ports.contents import Copy, Table

TELL_EVERY_S = 0.5


@click.group()
def store() -> None:
    """Move, compare and back up stores."""


def _between_stores(command: Callable[..., None]) -> Callable[..., None]:
    """The two options. Passwords in arguments are seen by every user of the machine, in variables by none."""
    source = click.option(
        "--from", "source", envvar="OUTRIDER_STORE_FROM", required=True, metavar="URL",
        help="A store nobody serves; better given in OUTRIDER_STORE_FROM.",
    )  # fmt: skip
    target = click.option(
        "--to", "target", envvar="OUTRIDER_STORE_TO", required=True, metavar="URL",
        help="The other store; better given in OUTRIDER_STORE_TO.",
    )  # fmt: skip
    return source(target(command))


@store.command("copy")
@_between_stores
def copy_store(source: str, target: str) -> None:
    """Copy everything a store holds to an empty one, and compare both.

    Interrupted, it goes on where it stopped when it is run again. Exits 0 only if both are identical; until then
    the copy cannot be served. Needs the source's root key.
    """
    _end(asyncio.run(_copy(*read_copy(os.environ, source, target))))


@store.command("verify")
@_between_stores
def verify(source: str, target: str) -> None:
    """Compare all that two stores hold, by count and hash; exits 0 only if both are identical."""
    _end(asyncio.run(_verify(*read_copy(os.environ, source, target))))


@store.command("backup")
@click.argument("path", type=click.Path(path_type=Path))
def backup(path: Path) -> None:
    """Write the SQLite store to the new file PATH, also while it is served. The root key is not in it."""
    config = read_config(os.environ)
    if config.shared:
        raise ConfigError("OUTRIDER_STORE", "an SQLite store; PostgreSQL is backed up by pg_dump", "PostgreSQL")
    progress = _Progress()
    wiring.back_up(config, path, lambda done, total: progress.tell("pages", done, total))
    click.echo(f"backed up to {path}; keep the root key too, apart from it")


async def _copy(source: Config, target: Config) -> Compared:
    progress = _Progress()
    async with _opened(source, "source", to_write=False) as one:
        await wiring.check_root_key(one, source, target)
        async with _opened(target, "target", to_write=True) as other:
            try:
                return await copy(one, other, copied=progress.tell, compared=_compared)
            except StoreUnavailable as error:
                message = f"{error}; run the same command again, it goes on where it stopped"
                raise click.ClickException(message) from error


async def _verify(source: Config, target: Config) -> Compared:
    async with (
        _opened(source, "source", to_write=False) as one,
        _opened(target, "target", to_write=False) as other,
    ):
        return await compare(one, other, _compared)


@asynccontextmanager
async def _opened(config: Config, side: str, *, to_write: bool) -> AsyncIterator[Copy]:
    contents = await wiring.open_contents(config, side, to_write=to_write)
    try:
        yield contents
    finally:
        await contents.close()


class _Progress:
    """A line now and then, and one when a table is done."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def tell(self, what: Any, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now - self._told >= TELL_EVERY_S:
            self._told = now
            click.echo(f"{what:<14} {done:>12,} of {total:>12,} {done / total:>6.1%}")


def _compared(found: Comparison) -> None:
    if found.identical:
        click.echo(f"{found.table:<14} {found.source.rows:>12,} rows  {found.source.hash[:16]}  identical")
        return
    click.echo(
        f"{found.table:<14} {found.source.rows:>12,} rows  {found.source.hash[:16]}  in the source, "
        f"{found.target.rows:,} rows  {found.target.hash[:16]}  in the target: DIFFERENT"
    )


def _end(found: Compared) -> None:
    if found.identical:
        rows = sum(table.source.rows for table in found.tables)
        click.echo(f"identical: {len(Table)} tables, {rows:,} rows")
        return
    if not found.places_hold:
        click.echo("places: the target would give out some that the source has given out: DIFFERENT")
    click.echo("not identical", err=True)
    sys.exit(1)
