"""Counts refused keys by address: so many at once, then so many a second. Bounded in memory."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable

AT_ONCE = 60
A_SECOND = 1.0
MOST_ADDRESSES = 10_000


class Throttle:
    """A leaky bucket per address; the one that failed longest ago is forgotten first."""

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


def _network(address: str) -> str:
    """One household of IPv6 has 2**64 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
