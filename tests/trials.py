"""Simulated shops for the contract suite: some history of every kind, then quiet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ordermill.simulator.clock import ManualClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life, Ways

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def lived_in(ways: Ways, seed: int = 4) -> tuple[ManualClock, Ledger]:
    """A shop of some 35 orders, eight of them of one second, with edits and refunds."""
    clock = ManualClock(START)
    ledger = Ledger(clock, seed=seed)
    life = Life(ledger, seed=seed, ways=ways)
    for _ in range(22):
        life.place(1)
        clock.advance(61)
    life.burst(8)
    for _ in range(30):
        clock.advance(7)
        life.step()
    clock.advance(600)
    return clock, ledger


def toucher(clock: ManualClock, ledger: Ledger) -> Callable[[str], object]:
    """Saves an order with another note a little later, which moves its date on any storage."""

    def touch(source_id: str) -> None:
        clock.advance(2)
        ledger.annotate(int(source_id), note=f"seen {clock.now():%H:%M:%S}")

    return touch
