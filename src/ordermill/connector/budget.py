"""The shop's own budget: a leaky bucket kept in step with the figures in its answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from ordermill.connector.base import Context


class Budget:
    """``capacity`` points at most, restored by ``restore_rate`` points a second (above 0).

    What is here between two answers is our estimate; each answer replaces it by the shop's figure.
    Thread-safe; time is ``context.now``, so it keeps pace with a sped-up simulator.
    """

    def __init__(self, context: Context, capacity: float, restore_rate: float) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._capacity = capacity
        self._rate = restore_rate
        self._available = capacity
        self._at = context.now()
        self._in_flight = 0.0
        self._mine = threading.local()

    def acquire(self, cost: float) -> None:
        """Wait until the bucket should hold ``cost`` (a cost above the capacity: until it is full).

        Points are reserved before waiting, so callers go in the order in which they came.
        """
        self._landed()
        with self._lock:
            self._refill(self._context.now())
            reserved = min(cost, self._capacity)
            self._available -= reserved
            self._in_flight += reserved
            wait = -self._available / self._rate
        self._mine.reserved = reserved
        if wait > 0:
            self._context.observer.throttled(wait)
            self._context.sleep(wait)

    def settle(
        self, *, capacity: float, available: float, restore_rate: float, used: float
    ) -> None:
        """Take over the shop's figures from the answer to this thread's request."""
        with self._lock:
            others = self._in_flight - self._reserved()
            self._capacity = capacity
            self._rate = restore_rate if restore_rate > 0 else self._rate
            self._available = available - others
            self._at = self._context.now()
        self._context.observer.budget(capacity, available, used)

    @contextmanager
    def spending(self, cost: float) -> Iterator[None]:
        """Acquire ``cost`` for one request; what happens inside may settle it."""
        try:
            self.acquire(cost)
            yield
        finally:
            self._landed()

    def _landed(self) -> None:
        """This thread's request is no longer under way; what it reserved stays spent."""
        with self._lock:
            self._in_flight -= self._reserved()
        self._mine.reserved = 0.0

    def _reserved(self) -> float:
        return getattr(self._mine, "reserved", 0.0)

    def _refill(self, now: datetime) -> None:
        elapsed = max((now - self._at).total_seconds(), 0.0)
        self._available = min(self._capacity, self._available + elapsed * self._rate)
        self._at = now
