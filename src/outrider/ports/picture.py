"""The configuration as the engine sees it. Used by `dispatch/`, implemented by `app/books.py`."""

from __future__ import annotations

from typing import Protocol

from outrider.domain.model import TenantBook, Webhook


class Picture(Protocol):
    def webhook(self, tenant: str, webhook: str) -> Webhook | None:
        """The webhook as configured now; None when deleted."""
        ...

    def of(self, tenant: str) -> TenantBook:
        """The tenant's whole configuration."""
        ...

    async def refresh(self, tenant: str) -> TenantBook:
        """Read the tenant's configuration again."""
        ...
