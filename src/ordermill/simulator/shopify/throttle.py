"""The leaky bucket of one app on one shop: points restored by the shop's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Size:
    """A bucket's size in points and its restore rate in points a second."""

    maximum: float = 2000.0
    restore: float = 100.0


class Bucket:
    """Safe for several threads. ``now`` gives the shop's time; time going back restores nothing."""

    def __init__(self, size: Size, now: Callable[[], datetime]) -> None:
        self.size = size
        self._now = now
        self._lock = threading.Lock()
        self._available = size.maximum
        self._at = now()

    def take(self, cost: float) -> bool:
        """Take ``cost`` points if they are there; a query that does not fit takes nothing."""
        with self._lock:
            self._restore()
            if cost > self._available:
                return False
            self._available -= cost
            return True

    def give_back(self, points: float) -> None:
        """Refund what a query did not use."""
        with self._lock:
            self._restore()
            self._available = min(self.size.maximum, self._available + points)

    def status(self) -> dict[str, Any]:
        """As answers show it in ``extensions.cost.throttleStatus``."""
        with self._lock:
            self._restore()
            return {
                "maximumAvailable": float(self.size.maximum),
                "currentlyAvailable": int(self._available),
                "restoreRate": float(self.size.restore),
            }

    def drain(self) -> None:
        """Empty the bucket, as another client of the same app would."""
        with self._lock:
            self._restore()
            self._available = 0.0

    def _restore(self) -> None:
        now = self._now()
        seconds = max(0.0, (now - self._at).total_seconds())
        self._available = min(self.size.maximum, self._available + seconds * self.size.restore)
        self._at = now
