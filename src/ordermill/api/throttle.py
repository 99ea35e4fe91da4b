"""Limits that keep one caller from being everybody's trouble: on refused keys, on long reads."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AT_ONCE = 60
A_SECOND = 1.0
MOST_ADDRESSES = 10_000
READS_AT_ONCE = 16  # filtered or searched lists of one entity; there are 40 threads


class Throttle:
    """Counts refused keys by address, a leaky bucket each: so many at once, then so many a second.

    Bounded in memory: the address that failed longest ago is forgotten first.
    """

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._guard = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def failed(self, address: str) -> float | None:
        """Count a failure; the seconds to wait if there were too many, else None."""
        name, now = _network(address), self._ticks()
        with self._guard:
            level, at = self._levels.pop(name, (0.0, now))
            level = max(0.0, level - (now - at) * A_SECOND)
            full = level + 1 > AT_ONCE
            self._levels[name] = (level if full else level + 1, now)
            if len(self._levels) > MOST_ADDRESSES:
                self._levels.popitem(last=False)
        return (level + 1 - AT_ONCE) / A_SECOND if full else None


class Turns:
    """How many reads each name has under way; no name may have more than ``most``, so that others
    find a thread and a connection."""

    def __init__(self, most: int = READS_AT_ONCE) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, name: str) -> Iterator[bool]:
        """A turn; False where there is none left."""
        with self._guard:
            free = self._taken[name] < self._most
            self._taken[name] += free
        try:
            yield free
        finally:
            with self._guard:
                self._taken[name] -= free
                if not self._taken[name]:
                    del self._taken[name]


def _network(address: str) -> str:
    """One household of IPv6 has 2**64 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
