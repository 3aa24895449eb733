"""Why a process would not accept an event now."""

from __future__ import annotations

from enum import StrEnum


class Unready(StrEnum):
    STARTING = "starting"
    STOPPING = "stopping"
    NO_INTAKE = "no intake role"
    STORE_AWAY = "store away"  # it cannot be reached, or cannot commit: a full disk
    STORE_SLOW = "store slow"  # it does not answer in time
    LEASE_LOST = "lease lost"  # silent for so long that others may have given this process up
    STORE_TOO_NEW = "store too new"  # migrated to what this version does not know
