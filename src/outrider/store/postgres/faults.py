"""What keeps a PostgreSQL store from being opened, as the sentence a start ends with.

Messages of the server and the driver are not repeated: they quote what they were given.
"""

from __future__ import annotations

import ssl

import asyncpg

from outrider.domain.errors import ConfigError, StoreAway, StoreDamaged, StoreUnavailable

SETTING = "OUTRIDER_STORE"
_RIGHTS = "a role that may use the tables and create some (GRANT USAGE, CREATE ON SCHEMA, or make it the owner)"
_OWN = "a database of its own, new or made by Outrider (CREATE DATABASE one)"
_URL = "a URL whose parameters PostgreSQL knows, and pooler=transaction alone of ours"
_PASSWORD = "a role and password that the server takes (in the URL, PGPASSWORD or ~/.pgpass)"  # noqa: S105 - a sentence
_TLS = "a server that speaks TLS as the URL asks for (sslmode)"
_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (asyncpg.InvalidPasswordError, _PASSWORD),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "a role the server lets in from here (its pg_hba.conf), with TLS if it asks for that (sslmode=require)",
    ),
    (asyncpg.InvalidCatalogNameError, "a database that exists (CREATE DATABASE it, ENCODING UTF8)"),
    (asyncpg.InsufficientPrivilegeError, _RIGHTS),
    (asyncpg.InvalidSchemaNameError, "a schema that exists (look at search_path)"),
    (asyncpg.ReadOnlySQLTransactionError, "a server that may be written, no standby"),
    (asyncpg.CantChangeRuntimeParamError, _URL),
    (asyncpg.UndefinedObjectError, _URL),
    (asyncpg.InvalidParameterValueError, _URL),
    (asyncpg.SyntaxOrAccessError, _OWN),
    (asyncpg.UniqueViolationError, _OWN),
    (asyncpg.DataError, "a database whose encoding is UTF8, with Outrider's tables alone in its schema"),
    (
        asyncpg.ClientConfigurationError,
        "a URL that PostgreSQL's libpq would take, and files it names that are there",
    ),
    (asyncpg.UnsupportedClientFeatureError, _URL),
    (ssl.SSLCertVerificationError, "a server whose certificate verifies (sslrootcert, sslmode)"),
    (ssl.SSLError, _TLS),
    (PermissionError, "a socket this process may use"),
)
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def explained(error: BaseException) -> ConfigError | None:
    """The sentence for what opening a store, or its first use, raised: StoreAway where waiting may help. None for
    what is no fault of the store."""
    if isinstance(error, StoreDamaged):
        return ConfigError(SETTING, "a whole store (restore a backup)", str(error))
    cause = (error.__cause__ or error) if isinstance(error, StoreUnavailable) else error
    expected = _expected(cause)
    if expected is not None:
        return ConfigError(SETTING, expected, type(cause).__name__)
    if isinstance(cause, (*_AWAY, StoreUnavailable)):
        return StoreAway(SETTING, "a PostgreSQL database that can be reached", type(cause).__name__)
    return None


def _expected(cause: BaseException) -> str | None:
    """What the operator has to change; None where it may change by itself."""
    if type(cause) is ConnectionError:
        return _TLS  # asyncpg's word for a server that has none
    return next((expected for kind, expected in _FAULTS if isinstance(cause, kind)), None)
