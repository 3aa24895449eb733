"""Why there is no connection: a receiver's fault, or ours."""

from __future__ import annotations

import errno
import socket

from outrider.domain.errors import OurError
from outrider.ports.sender import FailureKind

_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class NotConnected(Exception):
    """No connection: `kind` and a sentence for a person."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class OutOfSockets(OurError):
    """This process may not open another connection: no receiver's fault."""


def is_shortage(error: OSError, family: int = socket.AF_UNSPEC) -> bool:
    """Whether it was this machine that had no socket, or no local port, to give. IPv6 has no local address, rather
    than no port, where nothing but loopback is configured."""
    return error.errno in _SHORT or (error.errno == errno.EADDRNOTAVAIL and family == socket.AF_INET)


def sockets_are_short() -> bool:
    """Whether a socket cannot be had now: resolvers do not say that this is why they failed."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        return is_shortage(error)
    return False
