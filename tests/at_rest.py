"""What of a served Outrider is at rest, to be searched for what must not be there."""

from __future__ import annotations

from harness import Served
from postgres import dump


def at_rest(served: Served) -> bytes:
    """Every file of its folder, and every value of its database."""
    files = b"".join(file.read_bytes() for file in served.folder.iterdir() if file.is_file())
    store = served.settings.get("OUTRIDER_STORE")
    return files if store is None else files + dump(store)
