"""What every process here needs: a core of its own, a loopback socket, percentiles, the port it announces."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence


def pin(core: int | None) -> None:
    """Run this thread, and the threads and processes it starts from now on, on one core; None leaves it free."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def listen(port: int) -> socket.socket:
    """A listening non-blocking socket on 127.0.0.1; port 0 takes any."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def announce(listener: socket.socket) -> None:
    """The line a parent process waits for: `port <n>` on stdout."""
    print(f"port {listener.getsockname()[1]}", flush=True)


def percentiles(values: Iterable[float], shares: Sequence[float]) -> list[float]:
    """By nearest rank, one for each share from 0 to 1; zeros when there are no values."""
    ranked = sorted(values)
    if not ranked:
        return [0.0] * len(shares)
    return [ranked[min(len(ranked) - 1, int(share * len(ranked)))] for share in shares]
