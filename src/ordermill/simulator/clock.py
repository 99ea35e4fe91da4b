"""The clocks that a simulated shop can live by."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells a shop the time, as an aware UTC datetime, and lets its answers be slow."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class ManualClock:
    """Stands still until told to move; its sleep moves it and returns at once."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move by so many seconds; negative sets the clock back, as NTP may."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class ScaledClock:
    """Runs ``speed`` times as fast as real time, from ``start`` on."""

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self._speed)

    def sleep(self, seconds: float) -> None:
        """Sleep so long by this clock, which is ``seconds / speed`` in real time."""
        time.sleep(seconds / self._speed)
