"""A start in this process, as `outrider serve` makes it, up to the moment it would listen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from outrider.config import read_config
from outrider.domain.errors import ConfigError
from outrider.wiring import build


def start(**settings: str) -> None:
    """Build, start, stop."""

    async def run() -> None:
        outrider = await build(read_config(settings))
        try:
            await outrider.start()
        finally:
            await outrider.stop(0)

    asyncio.run(run())


def refused(**settings: str) -> str:
    """What the start says, which a setting or the store keeps from being one."""
    with pytest.raises(ConfigError) as found:
        start(**settings)
    return str(found.value)


def at(path: Path | str) -> dict[str, str]:
    """The setting that names an SQLite file."""
    return {"OUTRIDER_STORE": f"sqlite:///{path}"}
