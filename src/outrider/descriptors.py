"""How the process' descriptors are divided: its own, connections to receivers, connections from producers.

Accepting without a free descriptor resets clients, and a store without one cannot open its files, so each part has
a bound that the others cannot reach into.
"""

from __future__ import annotations

import msgspec

from outrider.domain.errors import ConfigError

OWN = 128  # the store's files, the log, the listener, the resolver, the loop; connections of the store come on top
OUTGOING_MOST = 8_192
OUTGOING_SHARE = 4  # of all descriptors, one in so many
INCOMING = 2_000  # unless OUTRIDER_MAX_CONNECTIONS says otherwise
INCOMING_FEWEST = 64
HEADROOM = 64  # connections beyond the bound, which health checks and management are answered on
NO_LIMIT = 65_536  # what is taken for the limit where the system knows none


class Division(msgspec.Struct, frozen=True):
    """Most connections at a time: to receivers, and from producers without HEADROOM."""

    outgoing: int
    incoming: int


def outgoing(limit: int) -> int:
    """Most connections to receivers at a time, idle ones included, of a process that may open `limit` files."""
    return min(limit // OUTGOING_SHARE, OUTGOING_MOST)


def divide(limit: int, store_connections: int, wanted: int | None) -> Division:
    """`limit` is RLIMIT_NOFILE, `wanted` OUTRIDER_MAX_CONNECTIONS. Raises ConfigError for what will not do."""
    left = _left(limit, store_connections)
    if left < INCOMING_FEWEST:
        fewest = next(n for n in range(limit, NO_LIMIT) if _left(n, store_connections) >= INCOMING_FEWEST)
        raise ConfigError("RLIMIT_NOFILE", f"at least {fewest} open files (ulimit -n)", str(limit))
    if wanted is not None and wanted > left:
        expected = f"at most {left}, because the process may open {limit} files (ulimit -n)"
        raise ConfigError("OUTRIDER_MAX_CONNECTIONS", expected, str(wanted))
    return Division(outgoing(limit), min(wanted or INCOMING, left))


def _left(limit: int, store_connections: int) -> int:
    return limit - OWN - store_connections - outgoing(limit) - HEADROOM


def raised_limit() -> int:
    """How many files this process may open, after raising that as far as the system allows."""
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return NO_LIMIT
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return NO_LIMIT if hard == resource.RLIM_INFINITY else hard
