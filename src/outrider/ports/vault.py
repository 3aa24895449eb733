"""Sealing of secrets at rest. Used by `app/` and `dispatch/`, implemented in `vault/`."""

from __future__ import annotations

from typing import Protocol


class Unsealable(Exception):
    """A sealed text does not open: damaged, moved to another row, or sealed under an unknown key."""


class Vault(Protocol):
    def seal(self, text: str, row: str) -> str:
        """`text` sealed for `row` (kind/tenant/id/field); opens nowhere else."""
        ...

    def unseal(self, sealed: str, row: str) -> str:
        """The text. Raises Unsealable."""
        ...

    def seal_content(self, content: bytes, row: str) -> bytes:
        """The same for content that may be large."""
        ...

    def unseal_content(self, sealed: bytes, row: str) -> bytes:
        """The content; opened anew each time. Raises Unsealable."""
        ...

    def fingerprint(self, content: bytes) -> bytes:
        """A keyed 16-byte digest: equal contents are recognised, contents cannot be guessed from it."""
        ...
