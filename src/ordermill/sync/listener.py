"""Who is told what happens: metrics, the demo, a progress bar. Never needed for the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ordermill.store.orders import Ingested


class Listener(Protocol):
    """Called from worker threads, after the commit it speaks of; must not raise or wait."""

    def run_started(self, handle: str, mode: str) -> None: ...

    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None: ...

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None: ...

    def propagation(self, handle: str, seconds: float) -> None:
        """Seconds from the shop's change to our store, of one order a poll created or updated."""
        ...

    def error(self, handle: str, stage: str, error_class: str) -> None: ...

    def lease_takeover(self, handle: str) -> None: ...

    def orders(self, handle: str, ingested: Sequence[Ingested]) -> None:
        """What one stored page did, in the order of the page."""
        ...


class Everyone:
    """Several listeners as one, told in their order."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def run_started(self, handle: str, mode: str) -> None:
        for listener in self._listeners:
            listener.run_started(handle, mode)

    def run_finished(self, handle: str, mode: str, result: str, seconds: float) -> None:
        for listener in self._listeners:
            listener.run_finished(handle, mode, result, seconds)

    def page(self, handle: str, mode: str, outcomes: Mapping[str, int], fetched: int) -> None:
        for listener in self._listeners:
            listener.page(handle, mode, outcomes, fetched)

    def propagation(self, handle: str, seconds: float) -> None:
        for listener in self._listeners:
            listener.propagation(handle, seconds)

    def error(self, handle: str, stage: str, error_class: str) -> None:
        for listener in self._listeners:
            listener.error(handle, stage, error_class)

    def lease_takeover(self, handle: str) -> None:
        for listener in self._listeners:
            listener.lease_takeover(handle)

    def orders(self, handle: str, ingested: Sequence[Ingested]) -> None:
        for listener in self._listeners:
            listener.orders(handle, ingested)
