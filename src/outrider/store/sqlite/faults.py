"""What keeps an SQLite store from being opened, as the sentence a start ends with."""

from __future__ import annotations

import apsw

from outrider.domain.errors import ConfigError, StoreDamaged, StoreUnavailable

SETTING = "OUTRIDER_STORE"
RESTORE = "a whole store (put a backup in its place)"
_WRITABLE = "a file and a folder this process may write"
_FAULTS: tuple[tuple[type[apsw.Error], str, str], ...] = (
    (apsw.NotADBError, "an SQLite database", "a file with something else in it"),
    (apsw.CorruptError, RESTORE, "a damaged file"),
    (apsw.FullError, "room for the store (free some on its disk)", "a full disk"),
    (apsw.ReadOnlyError, _WRITABLE, "one it may only read"),
    (apsw.PermissionsError, _WRITABLE, "one it may not use"),
    (apsw.CantOpenError, _WRITABLE, "one that cannot be opened"),
    (apsw.BusyError, "a file no other program uses", "a locked one"),
    (apsw.LockedError, "a file no other program uses", "a locked one"),
    (apsw.SQLError, RESTORE, "one in which tables or columns are missing"),
)


def explained(error: BaseException) -> ConfigError | None:
    """The sentence for what opening a store, or its first use, raised; None for what is no fault of the store."""
    if isinstance(error, StoreDamaged):
        return ConfigError(SETTING, RESTORE, str(error))
    cause = error.__cause__ if isinstance(error, StoreUnavailable) else error
    if isinstance(cause, apsw.Error):
        return refused(cause)
    if isinstance(error, StoreUnavailable):
        return ConfigError(SETTING, "a store that can be used", str(error))
    return None


def refused(error: apsw.Error) -> ConfigError:
    """The sentence for what SQLite says."""
    for kind, expected, given in _FAULTS:
        if isinstance(error, kind):
            return ConfigError(SETTING, expected, given)
    code = getattr(error, "extendedresult", 0)
    expected = "a disk that can be read and written (look at its free room, quotas, and the system's log)"
    return ConfigError(SETTING, expected, str(apsw.mapping_extended_result_codes.get(code, type(error).__name__)))
