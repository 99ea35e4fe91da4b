"""What goes wrong with a shop's answers: by seed and rate, or exactly as planned."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "402", "403", "404", "423", "429", "430", "500", "502", "503", "504",
    "reset", "cut", "cut_chunked", "slow", "late_start",
    "html", "login", "bot_wall", "empty", "warning", "bom", "fatal", "maintenance", "no_route",
    "database", "expired_token", "throttled", "change",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one answer.

    An error status is sent instead of the answer (``retry_after`` seconds, if any, in its header).
    reset: no byte, the connection breaks. cut: half a body under the whole length. cut_chunked:
    half a body without length. slow: the body takes ``seconds``, a few bytes at a time. late_start:
    nothing for ``seconds``, then the answer. html, login: 200 and a page; bot_wall: 403 and a page;
    empty: 200 and nothing; warning, bom: something before the JSON; fatal: 500 and a page that
    says it is JSON; maintenance: 503; no_route: 404; database: 500; expired_token: 401. throttled:
    the dialect's own way of asking to wait. change: a right answer, but the shop changes before.
    """

    kind: Kind
    seconds: float = 0.2
    retry_after: int | None = None


class Faults:
    """Decides which answer gets which fault. The same seed, the same faults for the same requests.

    ``rates`` maps kinds to probabilities per answer. ``plan`` comes first: its faults (None: a
    right answer) are used up in order by the requests that ``only`` matches. ``on_change`` is what
    the kind "change" calls, for instance a life's ``step``.
    """

    def __init__(
        self,
        seed: int = 0,
        rates: Mapping[Kind, float] | None = None,
        *,
        only: Callable[[str], bool] = lambda path: True,
        on_change: Callable[[], object] | None = None,
        slow_seconds: float = 0.2,
        retry_after: int | None = None,
    ) -> None:
        self._random = random.Random(f"faults {seed}")
        self._rates = dict(rates or {})
        self._planned: list[Fault | None] = []
        self._only = only
        self._on_change = on_change
        self._seconds = slow_seconds
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self.given: list[Fault] = []

    def plan(self, faults: Iterable[Fault | Kind | None]) -> None:
        """The next answers, exactly; what was planned before comes first."""
        with self._lock:
            self._planned += [
                each if each is None or isinstance(each, Fault) else self._fault(each)
                for each in faults
            ]

    def stop(self) -> None:
        """From now on nothing goes wrong."""
        with self._lock:
            self._rates.clear()
            self._planned.clear()

    def next(self, path: str) -> Fault | None:
        """The fault of the answer to this request; a change has happened when this returns."""
        with self._lock:
            if not self._only(path):
                return None
            fault = self._planned.pop(0) if self._planned else self._drawn()
            if fault is not None:
                self.given.append(fault)
        if fault is not None and fault.kind == "change" and self._on_change is not None:
            self._on_change()
        return fault

    def _drawn(self) -> Fault | None:
        chance = self._random.random()
        for kind, rate in self._rates.items():
            if chance < rate:
                return self._fault(kind)
            chance -= rate
        return None

    def _fault(self, kind: Kind) -> Fault:
        return Fault(kind, self._seconds, self._retry_after)
