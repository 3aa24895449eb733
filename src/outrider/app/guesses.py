"""Wrong credentials: how often one source may be wrong, and the log line that tells of it.

Wrong credentials are counted for the pair of a tenant and a source address, so a guesser stops nobody but itself. A
pair that has no guess left is refused without comparing what it sends. The exception is a source that has shown the
right credentials within KNOWN_S: there callers of the tenant share an address with the guesser, behind a proxy for
example, and must get through.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from outrider.domain.errors import TooManyGuesses
from outrider.domain.pacing import TokenBucket

log = logging.getLogger("outrider.access")
KNOWN_S = 3_600.0
REMEMBERED = 10_000  # pairs; beyond that the one that was wrong longest ago is forgotten
LOG_EVERY_S = 60.0  # for a pair
_NETWORK_BITS = 64  # of an IPv6 address; the rest is the host's to choose


class _Record:
    """What is known of a pair that was wrong lately. `refused` counts since the last log line about that."""

    __slots__ = ("bucket", "refused", "told")

    def __init__(self, per_minute: int, now: float) -> None:
        self.bucket = TokenBucket(per_minute / 60, per_minute, now)
        self.told = -math.inf
        self.refused = 0


class Guesses:
    """A pair may be wrong `per_minute` times, a minute's worth at once. `time` is a monotonic clock in seconds.

    "" stands for the tenant of credentials that name none.
    """

    def __init__(self, per_minute: int, time: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._time = time
        self._wrong: OrderedDict[tuple[str, str], _Record] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()  # until when

    def admit(self, tenant: str, source: str) -> None:
        """Before credentials for `tenant` are compared. Raises TooManyGuesses when this pair may not try now."""
        if not self._wrong:
            return
        pair = (tenant, _network(source))
        record = self._wrong.get(pair)
        now = self._time()
        if record is not None and self._known.get(pair, 0.0) <= now:
            self._check(pair, record, now)

    def right(self, tenant: str, source: str) -> None:
        """The credentials were right: their source is known for a while."""
        now = self._time()
        pair = (tenant, source)
        if self._known.get(pair, 0.0) > now + KNOWN_S / 2:
            return
        if source != (network := _network(source)):
            self._remember((tenant, network), now)
        self._remember(pair, now)

    def wrong(self, tenant: str, source: str, reason: str) -> None:
        """Count and log wrong credentials; nothing of what was sent is logged. Raises TooManyGuesses when this
        pair has none left."""
        pair = (tenant, _network(source))
        now = self._time()
        record = self._wrong.get(pair)
        if record is None:
            record = self._wrong[pair] = _Record(self._per_minute, now)
            if len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)
        self._wrong.move_to_end(pair)
        self._check(pair, record, now)
        record.bucket.take()
        log.warning("access denied: tenant=%s source=%s reason=%r", tenant or "-", pair[1], reason)

    def _remember(self, pair: tuple[str, str], now: float) -> None:
        self._known[pair] = now + KNOWN_S
        self._known.move_to_end(pair)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _check(self, pair: tuple[str, str], record: _Record, now: float) -> None:
        """Refuse when the pair has no guess left. Those refusals share a log line a minute, which counts them."""
        if (wait := record.bucket.wait(now)) <= 0:
            return
        record.refused += 1
        if now - record.told >= LOG_EVERY_S:
            tenant, source = pair
            reason = "too many wrong credentials"
            log.warning(
                "access denied: tenant=%s source=%s count=%d reason=%r",
                tenant or "-",
                source,
                record.refused,
                reason,
            )
            record.told, record.refused = now, 0
        raise TooManyGuesses(math.ceil(wait))


def _network(source: str) -> str:
    """The address, or the /64 network of an IPv6 address: whoever has one address there has all of them."""
    if ":" not in source:
        return source
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if not isinstance(address, IPv6Address):
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> _NETWORK_BITS << _NETWORK_BITS)}/{_NETWORK_BITS}"
