"""Carries webhooks to their addresses over HTTP, as badly as asked for: lost, twice, late."""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import httpx

_PATIENCE = 5.0  # seconds a receiver may take
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Roads:
    """Probabilities, and the longest delay in seconds, which also brings things out of order."""

    lost: float = 0.0
    doubled: float = 0.0
    latest: float = 0.0


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent, written when it is sent; None: there is nothing to say any more."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery. ``retries`` are the waits before further attempts; ``done`` hears of each
    attempt whether it was answered well. Of parcels with one ``key`` only one is on its way."""

    url: str
    write: Callable[[], Letter | None]
    done: Callable[[bool], None]
    retries: Sequence[timedelta] = ()
    key: object = None


class Courier:
    """Delivers what is due by the shop's clock: ``deliver`` when a test says so, ``start`` for a
    thread that goes on doing it. What is posted costs the shop nothing but memory."""

    def __init__(
        self, now: Callable[[], datetime], *, seed: int = 0, roads: Roads | None = None
    ) -> None:
        self.roads = roads or Roads()
        self.answers: list[int] = []  # statuses; 0 where there was none
        self._now = now
        self._random = random.Random(f"courier {seed}")
        self._lock = threading.Lock()
        self._due: list[tuple[datetime, int, Parcel, int]] = []
        self._keys: set[object] = set()
        self._counted = count()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def post(self, parcel: Parcel) -> None:
        """Take it along."""
        with self._lock:
            if parcel.key is not None and parcel.key in self._keys:
                return
            if self._random.random() < self.roads.lost:
                return
            self._keys.add(parcel.key)
            for _ in range(2 if self._random.random() < self.roads.doubled else 1):
                delay = timedelta(seconds=self._random.uniform(0, self.roads.latest))
                self._push(self._now() + delay, parcel, 0)

    def deliver(self) -> int:
        """Deliver all that is due; how many attempts that took."""
        attempts = 0
        while (found := self._next()) is not None:
            parcel, attempt = found
            letter = parcel.write()
            if letter is None:
                continue
            attempts += 1
            well = self._send(parcel.url, letter)
            if not well and attempt < len(parcel.retries):
                with self._lock:
                    self._push(self._now() + parcel.retries[attempt], parcel, attempt + 1)
            parcel.done(well)
        return attempts

    def waiting(self) -> int:
        """How many are on their way."""
        with self._lock:
            return len(self._due)

    def start(self) -> None:
        """Deliver in a thread until closed."""
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; harmless without one."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            self.deliver()

    def _push(self, at: datetime, parcel: Parcel, attempt: int) -> None:
        heapq.heappush(self._due, (at, next(self._counted), parcel, attempt))

    def _next(self) -> tuple[Parcel, int] | None:
        with self._lock:
            if not self._due or self._due[0][0] > self._now():
                return None
            _, _, parcel, attempt = heapq.heappop(self._due)
            self._keys.discard(parcel.key)
            return parcel, attempt

    def _send(self, url: str, letter: Letter) -> bool:
        try:
            answer = httpx.post(
                url, content=letter.body, headers=dict(letter.headers), timeout=_PATIENCE,
                trust_env=False,
            )  # fmt: skip
        except httpx.HTTPError:
            self.answers.append(0)
            return False
        self.answers.append(answer.status_code)
        return 200 <= answer.status_code < 400
